/** The faults of a connection, each put into one line: the address, the cause, the next step. */
import { isMillraceError, MillraceError, messageOf } from '../errors.ts';
import { shown } from '../protocol/shown.ts';
import { type Address, showAddress } from './address.ts';

type Fault = Error & { code?: string };

const NEXT_STEP: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there: is Faktory running, and is FAKTORY_URL right?',
  ENOTFOUND: 'the host name is not known: check FAKTORY_URL',
  EAI_AGAIN: 'the host name could not be looked up: check FAKTORY_URL and the DNS',
  ETIMEDOUT: 'no answer: check the address and the firewall between',
  EHOSTUNREACH: 'there is no route to the host: check the address and the network',
  ENETUNREACH: 'there is no route to the network: check the address and the network',
  ECONNRESET: 'Faktory, or something between, cut the connection',
  EPIPE: 'Faktory, or something between, cut the connection',
};

/** The error for a fault of the socket, as told to users. */
export function explainFault(address: Address, fault: Fault): MillraceError {
  const where = showAddress(address);
  // With several addresses behind a name, Node wraps the faults of all of them.
  const inner: Fault = fault instanceof AggregateError ? ((fault.errors[0] as Fault) ?? fault) : fault;
  const code = inner.code ?? '';
  if (isTlsFault(code)) {
    const hint =
      code === 'ERR_SSL_WRONG_VERSION_NUMBER'
        ? 'Faktory there does not speak TLS: use tcp://'
        : messageOf(inner);
    return new MillraceError('FAKTORY_UNREACHABLE', `${where}: TLS failed (${code}): ${hint}`, {
      cause: fault,
    });
  }
  const step = NEXT_STEP[code] ?? messageOf(inner);
  return new MillraceError('FAKTORY_UNREACHABLE', `${where} (${code || inner.name}): ${step}`, {
    cause: fault,
  });
}

function isTlsFault(code: string): boolean {
  return /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|EPROTO)/.test(code);
}

/** What Faktory says, unasked, when it has too many connections. */
export function isOverLimit(text: string): boolean {
  return /^ERR too many connections\b/.test(text);
}

export function lost(address: Address): MillraceError {
  return new MillraceError('CONNECTION_LOST', `the connection to ${showAddress(address)} was lost`);
}

/** The peer closed before it had said OK; so does what listens for a Faktory that is not up yet. */
export function closedEarly(address: Address): MillraceError {
  const text = `${showAddress(address)} closed the connection during the handshake: is it Faktory, and does it run?`;
  return new MillraceError('FAKTORY_UNREACHABLE', text);
}

/** Faktory does so where it cannot read a HELLO; one that is going down, too. */
export function turnedAway(address: Address): MillraceError {
  const text = `${showAddress(address)} closed the connection at HELLO without a word: is it going down, or is it no Faktory?`;
  return new MillraceError('HELLO_REFUSED', text);
}

export function timedOut(address: Address, timeoutMs: number, unconnected: boolean): MillraceError {
  const what = unconnected ? 'did not accept a connection' : 'did not finish the handshake';
  // What speaks TLS waits for our first word, as we do for its.
  const hint = unconnected || address.tls ? '' : ': is it Faktory, and does it speak TLS (tcp+tls://)?';
  const text = `${showAddress(address)} ${what} within ${timeoutMs} ms${hint}`;
  return new MillraceError('FAKTORY_UNREACHABLE', text);
}

export function stalled(address: Address, deadlineMs: number): MillraceError {
  const text = `${showAddress(address)} has answered nothing for ${deadlineMs} ms: the connection is replaced`;
  return new MillraceError('CONNECTION_STALLED', text);
}

/** A reply came that no command waits for. */
export function unsolicited(address: Address, text: string): MillraceError {
  const where = showAddress(address);
  return isOverLimit(text)
    ? new MillraceError(
        'CONNECTION_LIMIT',
        `${where} has too many connections: lower FAKTORY_MAX_CONNECTIONS`,
      )
    : new MillraceError('PROTOCOL_VIOLATION', `${where} sent a reply that nobody asked for: ${shown(text)}`);
}

/** HELLO was answered with something else than OK. */
export function unwelcome(address: Address, text: string): MillraceError {
  if (isOverLimit(text)) return unsolicited(address, text);
  const why = `${showAddress(address)} refused the handshake: ${shown(text)}`;
  return /password/i.test(text)
    ? new MillraceError('FAKTORY_PASSWORD', `${why}; check FAKTORY_PASSWORD, or the password in FAKTORY_URL`)
    : new MillraceError('PROTOCOL_VIOLATION', why);
}

/** Not Faktory's fault, nor the network's. */
export function internal(address: Address, thrown: unknown): MillraceError {
  const text = `a fault of millrace itself, met with a reply of ${showAddress(address)}: ${messageOf(thrown)}`;
  return new MillraceError('INTERNAL', text, { cause: thrown });
}

/** Whether trying again is of no use before somebody has changed something. */
export function isLasting(error: MillraceError | undefined): error is MillraceError {
  return isMillraceError(error, 'FAKTORY_PASSWORD', 'FAKTORY_VERSION');
}
