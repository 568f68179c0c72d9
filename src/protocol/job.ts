/** The job as it travels: its fields, the rules of its names, and its one-time encoding at admission. */
import { randomFillSync } from 'node:crypto';
import { cut } from '../cut.ts';
import { MillraceError, messageOf } from '../errors.ts';

/** What Faktory adds to a job that has failed before. */
export interface JobFailure {
  failed_at: string;
  next_at?: string;
  message?: string;
  errtype?: string;
  backtrace?: string[];
  retry_count: number;
  remaining?: number;
}

/** A job as Faktory hands it out. */
export interface JobPayload {
  jid: string;
  jobtype: string;
  args: unknown[];
  queue: string;
  /** How often a failed job is tried again; 0: it is dropped, −1: it goes to Dead at once. */
  retry?: number;
  /** Seconds a worker may hold the job (60 to 86,400). */
  reserve_for?: number;
  /** RFC 3339; the job waits in Scheduled until then. */
  at?: string;
  custom?: Record<string, unknown>;
  backtrace?: number;
  created_at?: string;
  enqueued_at?: string;
  failure?: JobFailure;
}

/** What a caller may leave out. */
export interface JobInput {
  jobtype: string;
  args?: unknown[];
  jid?: string;
  queue?: string | undefined;
  retry?: number;
  reserve_for?: number;
  at?: string | Date;
  custom?: Record<string, unknown>;
  backtrace?: number;
  created_at?: string;
  failure?: JobFailure;
}

/** Filled in where a job says nothing: always sent, since Faktory's own default can be changed by anyone. */
export interface JobDefaults {
  retry: number;
  reserveFor: number;
}

/** A job checked and encoded: what the pusher moves. */
export interface EncodedJob {
  readonly jid: string;
  readonly queue: string;
  /** The job as JSON, and its length in UTF-8. */
  readonly json: string;
  readonly bytes: number;
}

/** Faktory's rule for queue names, and a length of our own. */
export const QUEUE_NAME = /^[a-zA-Z0-9._-]{1,128}$/;
/** Keys of Faktory's own in the same Redis: a queue of such a name breaks the server (FAKTORY 1.9). */
export const RESERVED_QUEUES: ReadonlySet<string> = new Set([
  'retries',
  'scheduled',
  'dead',
  'working',
  'queues',
  'paused',
  'processed',
  'failures',
]);
/** Faktory wants 8 characters; the alphabet is ours, so that a jid is safe in logs, URLs and filters. */
export const JID = /^[A-Za-z0-9._:-]{8,128}$/;

/** The jid of a copy that stands for a job: `<first jid>.<n>-<4 random>`, n being how often it was handed back. */
export const COPY_JID = /^(.{8,})\.(\d{1,6})-[0-9a-f]{4}$/;

/** Control characters, and halves of surrogate pairs: Faktory would put U+FFFD for such. */
const NOT_IN_NAMES = /[\u0000-\u001f\u007f\p{Surrogate}]/u;
const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})T([01]\d|2[0-3]):\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;
const MAX_RESERVE_FOR = 86_400;
const MAX_DEPTH = 100;

/** JOB_INVALID, for what one field of a job says. */
export class FieldError extends MillraceError {
  /** As the job has it: `reserve_for`. */
  readonly field: string;
  /** What is wrong with it: the message without the field. */
  readonly fault: string;

  constructor(field: string, fault: string, options?: { cause?: unknown }) {
    super('JOB_INVALID', `${field} ${fault}`, options);
    this.field = field;
    this.fault = fault;
  }
}

/**
 * Checks a job by Faktory's rules and encodes it; throws JOB_INVALID, naming the field. One wrong type makes
 * Faktory refuse the whole PUSHB that the job travels in, so nothing unchecked may get that far.
 */
export function encodeJob(job: JobInput, defaults: JobDefaults): EncodedJob {
  const jid = job.jid ?? newJid();
  if (typeof jid !== 'string' || !JID.test(jid)) throw invalid('jid', jid, '8 to 128 of A-Z a-z 0-9 . _ : -');
  // Two jobs that differ in such an end only would be one to their handlers (ctx.id).
  if (job.jid !== undefined && COPY_JID.test(jid))
    throw invalid('jid', jid, 'an end other than .<n>-<four hex digits>, as copies have it');
  const queue = checkQueueName(job.queue === undefined || job.queue === '' ? 'default' : job.queue);
  const jobtype = checkJobtype(job.jobtype);
  const args = encodeValue('args', job.args ?? [], 'an array');
  const retry = job.retry ?? defaults.retry;
  if (!Number.isSafeInteger(retry) || retry < -1) throw invalid('retry', retry, 'a whole number from -1');
  const reserveFor = job.reserve_for ?? defaults.reserveFor;
  if (!Number.isSafeInteger(reserveFor) || reserveFor < 0 || reserveFor > MAX_RESERVE_FOR) {
    throw invalid('reserve_for', reserveFor, 'whole seconds from 0 to 86400');
  }
  const json =
    `{"jid":"${jid}","queue":"${queue}","jobtype":${JSON.stringify(jobtype)},"args":${args}` +
    `,"retry":${retry},"reserve_for":${reserveFor}${encodeRest(job)}}`;
  return { jid, queue, json, bytes: Buffer.byteLength(json) };
}

/** The fields that most jobs do not have. */
function encodeRest(job: JobInput): string {
  let rest = '';
  if (job.at !== undefined) rest += `,"at":"${checkAt(job.at)}"`;
  if (job.custom !== undefined && job.custom !== null)
    rest += `,"custom":${encodeValue('custom', job.custom, 'an object')}`;
  if (job.backtrace !== undefined) {
    if (!Number.isSafeInteger(job.backtrace)) throw invalid('backtrace', job.backtrace, 'a whole number');
    rest += `,"backtrace":${job.backtrace}`;
  }
  if (job.created_at !== undefined) rest += `,"created_at":${JSON.stringify(String(job.created_at))}`;
  if (job.failure !== undefined)
    rest += `,"failure":${encodeValue('failure', checkFailure(job.failure), 'an object')}`;
  return rest;
}

/** Returns the name, or throws JOB_INVALID. */
export function checkQueueName(queue: unknown): string {
  if (typeof queue !== 'string' || !QUEUE_NAME.test(queue)) {
    throw invalid('queue', queue, '1 to 128 of a-z A-Z 0-9 . _ -');
  }
  if (RESERVED_QUEUES.has(queue)) throw invalid('queue', queue, 'a name that Faktory does not use itself');
  return queue;
}

/** Returns the name, or throws JOB_INVALID. */
export function checkJobtype(jobtype: unknown): string {
  if (typeof jobtype !== 'string' || jobtype === '' || jobtype.length > 256 || NOT_IN_NAMES.test(jobtype)) {
    throw invalid('jobtype', jobtype, '1 to 256 characters, none of them a control character');
  }
  return jobtype;
}

function checkAt(at: unknown): string {
  if (at instanceof Date && Number.isNaN(at.getTime())) throw invalid('at', 'Invalid Date', 'a date');
  const text = at instanceof Date ? at.toISOString() : at;
  const match = typeof text === 'string' ? RFC3339.exec(text) : null;
  // Date.parse lets the 30th of February be the 2nd of March, Faktory does not.
  if (
    match === null ||
    Number.isNaN(Date.parse(match[0])) ||
    Number(match[3]) > daysOf(match[1]!, match[2]!)
  ) {
    throw invalid('at', at, 'an RFC 3339 time with a zone, such as 2030-01-31T09:00:00Z');
  }
  return match[0];
}

function daysOf(year: string, month: string): number {
  return new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
}

/** What failed before, of the types that Faktory gives it; what is null or left out is zero to Faktory. */
function checkFailure(failure: JobFailure): JobFailure {
  const { failed_at, next_at, message, errtype, retry_count, remaining, backtrace } = failure ?? {};
  const lines = backtrace ?? [];
  const texts = [failed_at, next_at, message, errtype, ...(Array.isArray(lines) ? lines : [Number.NaN])];
  const isSound =
    texts.every((text) => typeof (text ?? '') === 'string') &&
    [retry_count, remaining].every((count) => Number.isSafeInteger(count ?? 0));
  if (!isSound) throw invalid('failure', failure, 'what Faktory wrote into a job that failed');
  return failure;
}

/** `value` as JSON; throws JOB_INVALID if that is not `takes`: a toJSON may make anything of anything. */
function encodeValue(field: string, value: unknown, takes: 'an array' | 'an object'): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (cause) {
    throw new FieldError(field, `cannot be written as JSON: ${messageOf(cause)}`, { cause });
  }
  if (!json?.startsWith(takes === 'an array' ? '[' : '{')) throw invalid(field, value, takes);
  if (exceedsDepth(json, MAX_DEPTH)) throw new FieldError(field, `is nested over ${MAX_DEPTH} deep`);
  return json;
}

/** Whether the JSON text nests deeper than `limit`: counts brackets outside of strings. */
export function exceedsDepth(json: string, limit: number): boolean {
  if (json.length <= 2 * limit) return false;
  let depth = 0;
  let inString = false;
  for (let i = 0; i < json.length; i += 1) {
    const code = json.charCodeAt(i);
    if (code === 0x22) inString = !inString;
    else if (code === 0x5c) i += 1;
    else if (!inString && (code === 0x5b || code === 0x7b)) {
      depth += 1;
      if (depth > limit) return true;
    } else if (!inString && (code === 0x5d || code === 0x7d)) depth -= 1;
  }
  return false;
}

const JID_BYTES = 12;
const randomPool = Buffer.allocUnsafe(JID_BYTES * 512);
let poolAt = randomPool.length;

/** A new jid: 96 random bits in 16 characters. */
export function newJid(): string {
  if (poolAt === randomPool.length) {
    randomFillSync(randomPool);
    poolAt = 0;
  }
  const jid = randomPool.toString('base64url', poolAt, poolAt + JID_BYTES);
  poolAt += JID_BYTES;
  return jid;
}

function invalid(field: string, got: unknown, takes: string): FieldError {
  return new FieldError(field, `is ${show(got)}, it takes ${takes}`);
}

function show(value: unknown): string {
  try {
    return cut(JSON.stringify(value) ?? String(value), 80);
  } catch {
    return typeof value;
  }
}
