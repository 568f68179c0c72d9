/** Writer of the client's commands: each returns one whole line, ready for the socket. */

/** Sent with a FAIL: what went wrong. Faktory keeps 1,000 bytes of message, 100 of errtype, 50 lines. */
export interface Failure {
  jid: string;
  errtype: string;
  message: string;
  backtrace: string[];
}

/** What a BEAT tells: resident memory in kB, and the state the worker has given itself, if any. */
export interface Beat {
  wid: string;
  rss_kb: number;
  current_state?: 'quiet' | 'terminate';
}

export const helloCommand = (hello: object): string => line('HELLO', hello);

/** Faktory looks into the queues in the order they are named. */
export const fetchCommand = (queues: readonly string[]): string => `FETCH ${queues.join(' ')}\r\n`;

export const ackCommand = (jid: string): string => `ACK {"jid":${JSON.stringify(jid)}}\r\n`;

export const failCommand = (failure: Failure): string => line('FAIL', failure);

export const beatCommand = (beat: Beat): string => line('BEAT', beat);

/** `jobs` are jobs already encoded as JSON. */
export const pushbCommand = (jobs: readonly string[]): string => `PUSHB [${jobs.join(',')}]\r\n`;

export const infoCommand = (): string => 'INFO\r\n';

export const endCommand = (): string => 'END\r\n';

/**
 * A command given in pieces, as npm faktory-worker's `send` takes it. Line ends would let a value smuggle a
 * second command in, so there must be none; Faktory splits MUTATE at spaces, so those of its JSON are escaped.
 */
export function rawCommand(words: readonly string[]): string {
  const [verb = '', ...rest] = words;
  const values = verb === 'MUTATE' ? rest.map(withoutSpaces) : rest;
  const text = [verb, ...values].join(' ');
  if (/[\r\n]/.test(text))
    // The verb only: the rest may hold what must not be logged.
    throw new TypeError(
      `a command cannot hold line ends: ${JSON.stringify(/^\w{0,16}/.exec(text)![0])} does`,
    );
  return `${text}\r\n`;
}

/** The same JSON: spaces inside of its strings are escaped, those between its tokens dropped. */
function withoutSpaces(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"| /g, (part) =>
    part === ' ' ? '' : part.replaceAll(' ', '\\u0020'),
  );
}

function line(verb: string, value: object): string {
  return `${verb} ${JSON.stringify(value)}\r\n`;
}
