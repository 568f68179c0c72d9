/** Puts a socket's fault into one line: the address, the cause, the next step. */
import { MillraceError } from '../errors.ts';
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
        : inner.message;
    return new MillraceError('FAKTORY_UNREACHABLE', `${where}: TLS failed (${code}): ${hint}`, {
      cause: fault,
    });
  }
  const step = NEXT_STEP[code] ?? inner.message;
  return new MillraceError('FAKTORY_UNREACHABLE', `${where} (${code || inner.name}): ${step}`, {
    cause: fault,
  });
}

function isTlsFault(code: string): boolean {
  return /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|EPROTO)/.test(code);
}
