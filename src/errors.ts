/**
 * Every error of the package. Each has a stable `code` to match on (never match on message text), says in one
 * line what happened and what to do, and keeps what led to it in `cause`.
 */
const CATALOGUE = {
  ADDRESS_INVALID: 'the Faktory URL cannot be used',
  CONFIG_INVALID: 'a setting has a value that it does not take',
  CONNECTION_LIMIT: 'no connection is left: FAKTORY_MAX_CONNECTIONS, or the limit of Faktory itself',
  CONNECTION_LOST: 'the connection ended before its commands were answered',
  CONNECTION_STALLED: 'nothing came from Faktory before the deadline of the lane',
  FAKTORY_PASSWORD: 'Faktory refused the password',
  FAKTORY_UNREACHABLE: 'Faktory cannot be reached',
  HELLO_REFUSED: 'the connection was closed at HELLO without a word',
  FAKTORY_VERSION: 'the peer does not speak version 2 of the Faktory protocol',
  PROTOCOL_VIOLATION: 'the peer sent what the Faktory protocol does not allow',
  COMMAND_REFUSED: 'Faktory answered a command with an error',
  JOB_INVALID: 'the job was refused before it was sent',
  JOB_REJECTED: 'Faktory refused the job',
  DELIVERY_UNKNOWN: 'the connection was lost before Faktory answered: the job may be stored or not',
  PAYLOAD_INVALID: 'the args of the job do not fit its contract',
  CHECK_TIMEOUT: 'the contract did not say in time whether the payload fits',
  RESULT_INVALID: 'the result of the job cannot be sent to its reducer',
  PRESSURE: 'too many jobs are on their way: wait until they have drained to half',
  CLOSED: 'it was closed and takes nothing more',
  HANDLER_UNKNOWN: 'no handler is registered for the jobtype',
  HANDLER_TIMEOUT: 'the handler did not end within its handlerTimeoutMs',
  HANDLERS_INVALID: 'the handlers file cannot be used',
  BATCH_ANSWER: 'a batch handler answered what tells no outcome of its jobs',
  LEASE_EXPIRED: 'the reservation of the job ran out before its handler finished',
  SHUTDOWN: 'the worker is shutting down',
  PORT_TAKEN: 'the port is taken',
  REDIS_UNAVAILABLE: 'Redis cannot be reached, or did not do what was asked',
  PARTITION_NUMBERS_LOST: 'the numbers that keep the order of a partition are not there',
  PARTITION_LAYOUT: 'the queue is being drained, or has another number of partitions than PARTITIONS says',
  NOT_DRAINED: 'there was still work when the time to drain was over',
  INTERNAL: 'a fault of millrace itself: please report it',
} as const;

/** The stable codes of the errors of this package. */
export type ErrorCode = keyof typeof CATALOGUE;

/** An error of this package: match on `code`, show `message`, look into `cause`. */
export class MillraceError extends Error {
  readonly code: ErrorCode;

  /** `detail` completes the catalogue's sentence: names, values, and what to do next. */
  constructor(code: ErrorCode, detail?: string, options?: { cause?: unknown }) {
    super(detail === undefined ? CATALOGUE[code] : detail, options);
    this.name = 'MillraceError';
    this.code = code;
  }
}

/** Whether `error` is one of this package's, of one of the codes given (of any, when none is given). */
export function isMillraceError(error: unknown, ...codes: ErrorCode[]): error is MillraceError {
  return error instanceof MillraceError && (codes.length === 0 || codes.includes(error.code));
}

/** The message of whatever was thrown, in one line, never throwing itself. */
export function messageOf(thrown: unknown): string {
  try {
    if (thrown instanceof Error) return oneLine(thrown.message || thrown.name);
    return oneLine(typeof thrown === 'string' ? thrown : String(thrown));
  } catch {
    return 'something that cannot be shown was thrown';
  }
}

/** What is longer is not read by anyone, and costs to go through. */
const MAX_MESSAGE = 4_096;

function oneLine(text: string): string {
  return text
    .slice(0, MAX_MESSAGE)
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .join(' ')
    .trim();
}
