/** From what a request says to the job that is pushed: the envelope, its rules, and where it breaks them. */
import { Ajv, type ErrorObject } from 'ajv';
import type { JobToPush } from '../client/client.ts';
import type { PayloadFault } from '../contract/contract.ts';
import { cut } from '../cut.ts';
import type { JobDefaults } from '../protocol/job.ts';
import { Problem } from './problem.ts';

/** A job as `POST /jobs` and `POST /jobs/bulk` take it. JSON Schema, shown by /openapi.json as it is. */
export const ENVELOPE = {
  type: 'object',
  description: 'A job: what is to be done, with what, and how.',
  required: ['jobtype'],
  not: { required: ['at', 'delayMs'] },
  additionalProperties: false,
  properties: {
    jobtype: {
      type: 'string',
      minLength: 1,
      maxLength: 256,
      pattern: '^[^\\u0000-\\u001f\\u007f]*$',
      description: 'Names the handler. No control characters.',
    },
    args: {
      type: ['array', 'object'],
      description:
        'All arguments of the handler as an array, or the one argument as an object. None by default.',
    },
    queue: {
      type: 'string',
      pattern: '^[a-zA-Z0-9._-]{1,128}$',
      description: 'Where it waits (default: what the contract says, else `default`).',
    },
    at: {
      type: 'string',
      description: 'Not before this time: RFC 3339 with a zone, such as 2030-01-31T09:00:00Z.',
    },
    delayMs: {
      type: 'integer',
      minimum: 0,
      maximum: 3_155_760_000_000,
      description: 'Not before so many milliseconds from now; instead of `at`.',
    },
    retry: {
      type: 'integer',
      minimum: -1,
      maximum: 1_000,
      description:
        'How often it is tried again when it fails; 0: it is dropped then, -1: it goes to Dead at once.',
    },
    reserveFor: {
      type: 'integer',
      minimum: 60,
      maximum: 86_400,
      description: 'Seconds that a worker may hold it.',
    },
    custom: { type: 'object', description: 'Anything that travels with it, beside its arguments.' },
    partitionKey: {
      type: 'string',
      minLength: 1,
      maxLength: 512,
      description:
        'Jobs of the same key run one after another, in the order in which they were pushed: a phone number, an account. Takes PARTITIONS; default: what the contract says.',
    },
    jid: {
      type: 'string',
      pattern: '^[A-Za-z0-9._:-]{8,128}$',
      description: 'Its id, where the program has one of its own (default: a new one).',
    },
  },
} as const;

/** The same as a type. */
export interface Envelope {
  jobtype: string;
  args?: unknown[] | Record<string, unknown>;
  queue?: string;
  at?: string;
  delayMs?: number;
  retry?: number;
  reserveFor?: number;
  custom?: Record<string, unknown>;
  partitionKey?: string;
  jid?: string;
}

const isEnvelope = new Ajv({ allErrors: true, allowUnionTypes: true }).compile<Envelope>(ENVELOPE);

const FIELDS = Object.keys(ENVELOPE.properties).join(', ');
/** Each field that is none makes an error, long before twenty of them are told. */
const MOST_FIELDS = 100;

/** Throws JOB_INVALID with each fault and its path. */
export function checkEnvelope(value: unknown): Envelope {
  const kind = kindOf(value);
  if (kind !== undefined)
    throw invalid([{ path: 'body', message: `${kind}: send an object with a jobtype` }]);
  if (hasOver(MOST_FIELDS, value as object))
    throw invalid([
      { path: 'body', message: `has over ${MOST_FIELDS} fields, of which a job has ${FIELDS}` },
    ]);
  if (!isEnvelope(value)) throw invalid(distinct((isEnvelope.errors ?? []).map(faultOf)));
  return value;
}

/** What Faktory gets of it. `now` in ms since 1970, the clock's by default. */
export function jobOf(envelope: Envelope, defaults: JobDefaults, now?: number): JobToPush {
  const { jobtype, queue, delayMs, custom, partitionKey, jid } = envelope;
  const at = delayMs === undefined ? envelope.at : new Date((now ?? Date.now()) + delayMs);
  // Field by field: made of spreads it would cost a bulk as much as the parsing.
  const job: JobToPush = {
    jobtype,
    args: argsOf(envelope.args),
    retry: envelope.retry ?? defaults.retry,
    reserve_for: envelope.reserveFor ?? defaults.reserveFor,
  };
  if (queue !== undefined) job.queue = queue;
  if (at !== undefined) job.at = at;
  if (custom !== undefined) job.custom = custom;
  if (partitionKey !== undefined) job.partitionKey = partitionKey;
  if (jid !== undefined) job.jid = jid;
  return job;
}

/** A job's arguments: an object is the one argument, an array holds them all, none and null mean none. */
export function argsOf(body: unknown): unknown[] {
  if (body === undefined || body === null) return [];
  if (Array.isArray(body)) return body;
  if (typeof body === 'object') return [body];
  throw new Problem('BODY_INVALID', {
    message: `the body is a ${typeof body}, it takes an object (the one argument) or an array (all of them)`,
  });
}

/** Whether it has more fields than that: without a list of them, there may be a hundred thousand. */
function hasOver(most: number, value: object): boolean {
  let fields = 0;
  for (const _ in value) {
    fields += 1;
    if (fields > most) return true;
  }
  return false;
}

/** What it is in place of an object; undefined when it is one. */
function kindOf(value: unknown): string | undefined {
  if (value === undefined) return 'is missing';
  if (value === null) return 'is null';
  if (Array.isArray(value)) return 'is an array';
  return typeof value === 'object' ? undefined : `is a ${typeof value}`;
}

/** What a field takes, where that says more than the rule which a value broke. */
const TAKES: Readonly<Record<string, string>> = {
  jobtype: 'takes 1 to 256 characters, none of them a control character',
  args: 'takes an array (all arguments) or an object (the one argument)',
  queue: 'takes 1 to 128 of a-z A-Z 0-9 . _ -',
  at: 'takes a time as text: RFC 3339 with a zone, such as 2030-01-31T09:00:00Z',
  delayMs: 'takes a whole number of milliseconds, from 0 to 100 years',
  retry: 'takes a whole number from -1 to 1000',
  reserveFor: 'takes a whole number of seconds, from 60 to 86400',
  custom: 'takes an object',
  partitionKey: 'takes a text of 1 to 512 characters',
  jid: 'takes 8 to 128 of A-Z a-z 0-9 . _ : -',
};

/** A value may break two rules of a field, which takes one thing all the same. */
function distinct(faults: readonly PayloadFault[]): PayloadFault[] {
  return [...new Map(faults.map((fault) => [`${fault.path} ${fault.message}`, fault])).values()];
}

function faultOf({ instancePath, keyword, params, message = '' }: ErrorObject): PayloadFault {
  const path = instancePath.slice(1).replaceAll('/', '.');
  switch (keyword) {
    case 'additionalProperties':
      return {
        path: cut(String(params.additionalProperty), 100),
        message: `is not a field of a job, which has ${FIELDS}`,
      };
    case 'not':
      return { path: 'delayMs', message: 'say one of at and delayMs' };
    case 'required':
      return { path: String(params.missingProperty), message: 'is missing' };
    default:
      return { path: path === '' ? 'body' : path, message: TAKES[path] ?? message };
  }
}

function invalid(faults: readonly PayloadFault[]): Problem {
  const shown = faults.slice(0, 5).map(({ path, message }) => `${path} ${message}`);
  return new Problem('JOB_INVALID', { message: `the job is not valid: ${shown.join('; ')}`, faults });
}
