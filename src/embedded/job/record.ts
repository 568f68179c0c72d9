/** A job inside the embedded Faktory: decoded and checked as Faktory does it, and written as Faktory stores it. */
import { asInteger, asObject, asString, asStrings, wrongType } from './json-decode.ts';
import { encodeJson, encodeString, quote } from './json-encode.ts';
import { parseTime, timeError } from './times.ts';

export const DEFAULT_RETRY = 25;
const MAX_RESERVE_FOR = 86_400;
const MIN_JID_BYTES = 8;
const QUEUE_NAME = /^[a-zA-Z0-9._-]+$/;

/** What a job has learnt from failing. Times are RFC 3339, "" when unset. */
export interface FailureRecord {
  failed_at: string;
  next_at: string;
  message: string;
  errtype: string;
  backtrace: string[];
  retry_count: number;
  remaining: number;
}

/** A job's fields, all of them, empty where the client said nothing. */
export interface JobRecord {
  jid: string;
  queue: string;
  jobtype: string;
  args: unknown[] | null;
  retry: number;
  reserve_for: number;
  backtrace: number;
  at: string;
  created_at: string;
  enqueued_at: string;
  custom: Record<string, unknown> | null;
  failure: FailureRecord | null;
}

/** Takes a parsed job in, field names in any case, unknown ones dropped; throws JsonError for a wrong type. */
export function decodeJob(raw: unknown): JobRecord {
  const job: JobRecord = {
    jid: '',
    queue: '',
    jobtype: '',
    args: null,
    retry: DEFAULT_RETRY,
    reserve_for: 0,
    backtrace: 0,
    at: '',
    created_at: '',
    enqueued_at: '',
    custom: null,
    failure: null,
  };
  if (raw === null) return job;
  if (typeof raw !== 'object' || Array.isArray(raw)) throw wrongType(raw, 'Go value of type client.Job');
  for (const name of Object.keys(raw)) {
    const value = (raw as Record<string, unknown>)[name];
    if (value !== null && !setField(job, name, value)) setField(job, name.toLowerCase(), value);
  }
  return job;
}

/** False for a name that is no field's. */
function setField(job: JobRecord, name: string, value: unknown): boolean {
  switch (name) {
    case 'jid':
    case 'queue':
    case 'jobtype':
    case 'at':
    case 'created_at':
    case 'enqueued_at':
      job[name] = asString(value, `Job.${name}`);
      return true;
    case 'retry':
    case 'reserve_for':
    case 'backtrace':
      job[name] = asInteger(value, `Job.${name}`);
      return true;
    case 'args':
      if (!Array.isArray(value)) throw wrongType(value, 'Go struct field Job.args of type []interface {}');
      job.args = value;
      return true;
    case 'custom':
      job.custom = asObject(value, 'Job.custom of type map[string]interface {}');
      return true;
    case 'failure':
      job.failure = decodeFailure(asObject(value, 'Job.failure of type client.Failure'));
      return true;
    default:
      return false;
  }
}

function decodeFailure(raw: Record<string, unknown>): FailureRecord {
  const failure: FailureRecord = {
    failed_at: '',
    next_at: '',
    message: '',
    errtype: '',
    backtrace: [],
    retry_count: 0,
    remaining: 0,
  };
  for (const [anyCase, value] of Object.entries(raw)) {
    const name = anyCase.toLowerCase();
    if (value === null || !(name in failure)) continue;
    const field = name as keyof FailureRecord;
    if (field === 'retry_count' || field === 'remaining')
      failure[field] = asInteger(value, `Failure.failure.${name}`);
    else if (field === 'backtrace') failure.backtrace = asStrings(value, 'Failure.failure.backtrace');
    else failure[field] = asString(value, `Failure.failure.${name}`);
  }
  return failure;
}

/** Why Faktory refuses the job, or undefined. Its checks, in its order. */
export function refusalOf(job: JobRecord): string | undefined {
  if (job.jid.length < MIN_JID_BYTES && Buffer.byteLength(job.jid) < MIN_JID_BYTES)
    return 'jobs must have a reasonable jid parameter';
  if (job.jobtype === '') return 'jobs must have a jobtype parameter';
  if (job.args === null) return 'jobs must have an args parameter';
  if (job.reserve_for > MAX_RESERVE_FOR) return 'jobs cannot be reserved for more than one day';
  if (job.at !== '' && parseTime(job.at) === undefined)
    return `invalid timestamp for 'at': ${quote(job.at)}: ${timeError(job.at)}`;
  if (job.queue !== '' && !QUEUE_NAME.test(job.queue)) {
    return `cannot get ${quote(job.queue)} queue: queue names must match \\A[a-zA-Z0-9._-]+\\z`;
  }
  return undefined;
}

/** The job as Faktory stores and delivers it: its own order of fields, empty ones left out. */
export function encodeJob(job: JobRecord): string {
  let json = `{"retry":${job.retry}`;
  if (job.failure !== null) json += `,"failure":${encodeFailure(job.failure)}`;
  if (job.custom !== null && Object.keys(job.custom).length > 0)
    json += `,"custom":${encodeJson(job.custom)}`;
  json += `,"jid":${encodeString(job.jid)},"queue":"${job.queue}","jobtype":${encodeString(job.jobtype)}`;
  if (job.created_at !== '') json += `,"created_at":${encodeString(job.created_at)}`;
  if (job.enqueued_at !== '') json += `,"enqueued_at":${encodeString(job.enqueued_at)}`;
  if (job.at !== '') json += `,"at":${encodeString(job.at)}`;
  json += `,"args":${encodeJson(job.args)}`;
  if (job.reserve_for !== 0) json += `,"reserve_for":${job.reserve_for}`;
  if (job.backtrace !== 0) json += `,"backtrace":${job.backtrace}`;
  return `${json}}`;
}

function encodeFailure(failure: FailureRecord): string {
  let json = `{"failed_at":${encodeString(failure.failed_at)}`;
  if (failure.next_at !== '') json += `,"next_at":${encodeString(failure.next_at)}`;
  if (failure.message !== '') json += `,"message":${encodeString(failure.message)}`;
  if (failure.errtype !== '') json += `,"errtype":${encodeString(failure.errtype)}`;
  if (failure.backtrace.length > 0) json += `,"backtrace":${encodeJson(failure.backtrace)}`;
  return `${json},"retry_count":${failure.retry_count},"remaining":${failure.remaining}}`;
}
