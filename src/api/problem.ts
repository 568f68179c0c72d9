/**
 * What the API answers when it does not do what was asked: always
 * `{"error": {"code": …, "message": …}}`, with a `jid` beside them where one was given out, and the `faults` of a
 * payload, each with its path.
 */
import type { FastifyError, FastifyReply } from 'fastify';
import { PayloadError, type PayloadFault } from '../contract/contract.ts';
import { type ErrorCode, MillraceError } from '../errors.ts';
import { FieldError } from '../protocol/job.ts';

interface Kind {
  readonly status: number;
  /** Told to the client unless a problem brings a text of its own. Never an address, never a stack trace. */
  readonly message: string;
  /** Seconds after which it is worth trying again. */
  readonly retryAfter?: number;
}

/** The problems that only HTTP has. */
const HTTP_KINDS = {
  BODY_INVALID: { status: 400, message: 'the body is not JSON' },
  REQUEST_INVALID: { status: 400, message: 'the request is not valid HTTP, or its URL is not' },
  QUEUE_INVALID: { status: 400, message: 'the name of the queue is not one that Faktory takes' },
  FILTER_INVALID: { status: 400, message: 'the body does not say which jobs are meant' },
  IDEMPOTENCY_KEY_INVALID: {
    status: 400,
    message: 'Idempotency-Key takes 1 to 255 printable ASCII characters, once',
  },
  IDEMPOTENCY_NEEDS_REDIS: {
    status: 400,
    message:
      'Idempotency-Key cannot be kept here: several processes answer at this address, set REDIS_URL for them',
  },
  PARTITION_KEY_INVALID: {
    status: 400,
    message:
      'Partition-Key takes 1 to 512 printable ASCII characters, once: for other keys use the field partitionKey of POST /jobs',
  },
  UNAUTHORIZED: { status: 401, message: 'send the token: "Authorization: Bearer …"' },
  CROSS_SITE: {
    status: 403,
    message: 'requests of web pages are refused, but of those that API_ORIGINS names',
  },
  JOB_FORBIDDEN: { status: 403, message: 'jobs of this queue or jobtype are not taken here' },
  NOT_FOUND: {
    status: 404,
    message: 'there is nothing here: POST /jobs/:jobtype pushes a job, GET /docs lists the addresses',
  },
  QUEUE_UNKNOWN: { status: 404, message: 'Faktory has no such queue' },
  METHOD_NOT_ALLOWED: { status: 405, message: 'the method is not one that this address takes' },
  REQUEST_TIMEOUT: { status: 408, message: 'the request did not arrive in time' },
  MUTATION_RUNNING: {
    status: 409,
    retryAfter: 1,
    message: 'another requeue or discard is under way: one at a time, try again',
  },
  IDEMPOTENCY_RUNNING: {
    status: 409,
    retryAfter: 1,
    message: 'a request with this Idempotency-Key is on its way: try again',
  },
  BODY_TOO_LARGE: { status: 413, message: 'the body is larger than API_BODY_LIMIT' },
  URL_TOO_LONG: { status: 414, message: 'the URL is too long' },
  ENCODING_UNSUPPORTED: { status: 415, message: 'send the body as it is, without Content-Encoding' },
  IDEMPOTENCY_MISMATCH: {
    status: 422,
    message: 'this Idempotency-Key was used for another body or address: send another key',
  },
  EXPECTATION_FAILED: { status: 417, message: 'only "Expect: 100-continue" can be expected' },
  HOST_UNKNOWN: {
    status: 421,
    message: 'the API is not known by the name that Host says: name it in API_HOSTS, or set API_TOKEN',
  },
  RATE_LIMITED: { status: 429, retryAfter: 1, message: 'too many requests: wait a second' },
  HEADERS_TOO_LARGE: { status: 431, message: 'the URL and the headers are too large, or too many' },
  INTERNAL: { status: 500, message: 'something went wrong here: the log of the API tells what' },
  IDEMPOTENCY_UNAVAILABLE: {
    status: 503,
    retryAfter: 1,
    message: 'the Redis that keeps Idempotency-Keys cannot be reached, the job was not stored: try again',
  },
  COMMAND_UNFINISHED: {
    status: 504,
    message: 'Faktory did not say that it was done: all, a part or nothing of it may be. Send it again',
  },
} as const satisfies Record<string, Kind>;

const AWAY: Kind = {
  status: 503,
  retryAfter: 1,
  message: 'Faktory cannot be reached, the job was not stored: try again',
};

/** How the errors of the Client are told. All others are INTERNAL. */
const CLIENT_KINDS: Partial<Record<ErrorCode, Kind>> = {
  JOB_INVALID: { status: 400, message: 'the job is not one that Faktory takes' },
  PAYLOAD_INVALID: { status: 400, message: 'the payload does not fit the contract of the job' },
  JOB_REJECTED: { status: 422, message: 'Faktory refused the job' },
  COMMAND_REFUSED: { status: 502, message: 'Faktory answered with an error: its log may say why' },
  PRESSURE: { status: 503, retryAfter: 1, message: 'too many jobs are on their way: try again' },
  CLOSED: { status: 503, retryAfter: 1, message: 'the API is shutting down: try again elsewhere or later' },
  CHECK_TIMEOUT: {
    status: 503,
    retryAfter: 1,
    message: 'the contract did not check the payload in time, the job was not stored: try again',
  },
  REDIS_UNAVAILABLE: {
    status: 503,
    retryAfter: 1,
    message: 'the Redis that keeps the order of jobs cannot be reached, the job was not stored: try again',
  },
  PARTITION_NUMBERS_LOST: {
    status: 503,
    retryAfter: 15,
    message:
      'the order of jobs of this key was lost, the job was not stored: try again once those that wait are done',
  },
  PARTITION_LAYOUT: {
    status: 503,
    retryAfter: 30,
    message:
      'the number of partitions of the queue is being changed, or is another than PARTITIONS says here: the job was not stored',
  },
  FAKTORY_UNREACHABLE: AWAY,
  FAKTORY_PASSWORD: AWAY,
  FAKTORY_VERSION: AWAY,
  HELLO_REFUSED: AWAY,
  CONNECTION_LIMIT: AWAY,
  CONNECTION_LOST: AWAY,
  CONNECTION_STALLED: AWAY,
  DELIVERY_UNKNOWN: {
    status: 504,
    message: 'the connection to Faktory was lost before it answered: the job may be stored or not',
  },
};

/** Put together once: a bulk may have a problem for every line. */
const KINDS: ReadonlyMap<string, Kind> = new Map(Object.entries({ ...HTTP_KINDS, ...CLIENT_KINDS }));

/** Codes whose own text speaks of what the client sent, so that it may be told. */
const TOLD = new Set<string>(['JOB_INVALID', 'PAYLOAD_INVALID', 'JOB_REJECTED']);

const FASTIFY_CODES: Record<string, keyof typeof HTTP_KINDS> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_ERR_MAX_PARAM_LENGTH: 'URL_TOO_LONG',
};

/** The codes that only HTTP has. */
export type HttpProblemCode = keyof typeof HTTP_KINDS;
export type ProblemCode = HttpProblemCode | ErrorCode;

/** Every code that an answer may hold, for whoever describes them. */
export const PROBLEM_CODES = [...Object.keys(HTTP_KINDS), ...Object.keys(CLIENT_KINDS)] as ProblemCode[];

interface ProblemOptions {
  message?: string;
  /** Seconds, where the code's own are not right. */
  retryAfter?: number;
  jid?: string;
  cause?: unknown;
  faults?: readonly PayloadFault[];
}

/** Who sent a thousand faults needs not be told all. */
const MOST_FAULTS = 20;

/** An answer that is no success. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly retryAfter: number | undefined;
  readonly jid: string | undefined;

  /** Of a body: what is wrong with it, each with its path. */
  readonly faults: readonly PayloadFault[] | undefined;

  constructor(code: ProblemCode, options: ProblemOptions = {}) {
    const kind = kindOf(code);
    super(options.message ?? kind.message, { cause: options.cause });
    this.code = code;
    this.status = kind.status;
    this.retryAfter = options.retryAfter ?? kind.retryAfter;
    this.jid = options.jid;
    const { faults, cause } = options;
    this.faults = (faultsOf(cause) ?? faults)?.slice(0, MOST_FAULTS);
  }
}

/** Fields that the envelope calls otherwise. */
const FIELDS: Readonly<Record<string, string>> = { reserve_for: 'reserveFor' };

function faultsOf(cause: unknown): readonly PayloadFault[] | undefined {
  if (cause instanceof PayloadError) return cause.faults;
  if (!(cause instanceof FieldError)) return undefined;
  return [{ path: FIELDS[cause.field] ?? cause.field, message: cause.fault }];
}

/** Makes a problem of whatever was thrown, be it undefined, while a request was answered. */
export function problemOf(thrown: unknown, jid?: string): Problem {
  if (thrown instanceof Problem) return thrown;
  const options = { cause: thrown, ...(jid === undefined ? {} : { jid }) };
  if (thrown instanceof MillraceError) {
    if (CLIENT_KINDS[thrown.code] === undefined) return new Problem('INTERNAL', options);
    return new Problem(thrown.code, {
      ...options,
      ...(TOLD.has(thrown.code) ? { message: thrown.message } : {}),
    });
  }
  const { code = '', statusCode = 500 } = (thrown ?? {}) as Partial<FastifyError>;
  const known = FASTIFY_CODES[code];
  if (known !== undefined) return new Problem(known, options);
  return new Problem(statusCode >= 400 && statusCode < 500 ? 'REQUEST_INVALID' : 'INTERNAL', options);
}

/** Answers a request with a problem. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.retryAfter !== undefined) reply.header('retry-after', String(problem.retryAfter));
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
  return reply.code(problem.status).type('application/json; charset=utf-8').send(bodyOf(problem));
}

/** The same for what no route and no Fastify sees. */
export function rawAnswer(code: HttpProblemCode): {
  status: number;
  headers: Record<string, string>;
  body: string;
} {
  const problem = new Problem(code);
  const body = bodyOf(problem);
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    connection: 'close',
  };
  return { status: problem.status, headers, body };
}

/** The same for what never became a request: bytes for the socket. */
export function rawResponse(code: HttpProblemCode): string {
  const { status, headers, body } = rawAnswer(code);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${code}\r\n${lines.join('')}\r\n${body}`;
}

/** What is undefined is left out. */
function bodyOf({ code, message, jid, faults }: Problem): string {
  return JSON.stringify({ error: { code, message, jid, faults } });
}

function kindOf(code: ProblemCode): Kind {
  return KINDS.get(code) ?? HTTP_KINDS.INTERNAL;
}
