/** The operations that push: one for each jobtype of the contract, or one for all where there is none. */
import type { Contract, JobDefinition } from '../../contract/contract.ts';
import { type AllowedNames, allowsJobtype } from '../allowed.ts';
import type { ProblemCode } from '../problem.ts';
import { argsSchemaOf, objectFormOf } from './args-schema.ts';
import { problemResponses } from './problems.ts';
import { type LookUp, sampleOf } from './sample.ts';
import type { MediaType, Operation, Parameter, Paths, Response, Schema } from './types.ts';

/** Whoever posts a body may be told so. */
export const BODY_CODES: readonly ProblemCode[] = ['BODY_INVALID', 'BODY_TOO_LARGE', 'ENCODING_UNSUPPORTED'];

/** The ways in which Faktory can be away. */
export const AWAY_CODES: readonly ProblemCode[] = [
  'CLOSED',
  'FAKTORY_UNREACHABLE',
  'FAKTORY_PASSWORD',
  'FAKTORY_VERSION',
  'HELLO_REFUSED',
  'CONNECTION_LIMIT',
  'CONNECTION_LOST',
  'CONNECTION_STALLED',
];

/** What may become of a job, besides being stored. */
export const JOB_CODES: readonly ProblemCode[] = [
  'JOB_INVALID',
  'PAYLOAD_INVALID',
  'JOB_FORBIDDEN',
  'JOB_REJECTED',
  'PRESSURE',
  'CHECK_TIMEOUT',
  ...AWAY_CODES,
  'REDIS_UNAVAILABLE',
  'PARTITION_NUMBERS_LOST',
  'PARTITION_LAYOUT',
  'DELIVERY_UNKNOWN',
];

const PUSH_CODES: readonly ProblemCode[] = [
  ...BODY_CODES,
  ...JOB_CODES,
  'PARTITION_KEY_INVALID',
  'IDEMPOTENCY_KEY_INVALID',
  'IDEMPOTENCY_NEEDS_REDIS',
  'IDEMPOTENCY_RUNNING',
  'IDEMPOTENCY_MISMATCH',
  'IDEMPOTENCY_UNAVAILABLE',
];

const IDEMPOTENCY_KEY: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'Makes a repeat harmless: a request with the same key and body is answered as the first was.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

const PARTITION_KEY: Parameter = {
  name: 'Partition-Key',
  in: 'header',
  description:
    'Jobs of the same key run one after another, in the order in which they were pushed. Takes PARTITIONS; `partitionKey` in `POST /jobs` says the same.',
  schema: { type: 'string', minLength: 1, maxLength: 512, pattern: '^[!-~]([ -~]*[!-~])?$' },
};

const ACCEPTED: Response = {
  description: 'Faktory has the job.',
  headers: {
    'Idempotency-Replayed': {
      description: '`true` where an earlier request with this Idempotency-Key has pushed the job.',
      schema: { type: 'string', const: 'true' },
    },
  },
  content: {
    'application/json': {
      schema: { $ref: '#/components/schemas/Accepted' },
      example: { jid: 'Qk3xYd8aTz01', queue: 'default' },
    },
  },
};

export const ACCEPTED_SCHEMA: Schema = {
  type: 'object',
  required: ['jid', 'queue'],
  properties: {
    jid: { type: 'string', description: 'The id of the job.' },
    queue: {
      type: 'string',
      description: 'Where it waits, or the queue that is split, for a job with a partition key.',
    },
  },
};

/** What each operation that pushes one job has. */
export function pushOperation(
  operation: Pick<Operation, 'operationId' | 'summary' | 'description' | 'requestBody'> & {
    parameters?: readonly Parameter[];
  },
): Operation {
  const { parameters = [], ...rest } = operation;
  return {
    ...rest,
    tags: ['Jobs'],
    parameters: [...parameters, IDEMPOTENCY_KEY, PARTITION_KEY],
    responses: { '202': ACCEPTED, ...problemResponses(PUSH_CODES) },
  };
}

/** A job that may be pushed, to show how. */
export interface ExampleJob {
  readonly jobtype: string;
  readonly args: unknown;
  readonly queue: string;
}

export interface JobPart {
  readonly paths: Paths;
  readonly schemas: Record<string, Schema>;
  readonly example: ExampleJob;
}

const ANY_EXAMPLE: ExampleJob = { jobtype: 'add', args: [{ a: 1, b: 2 }], queue: 'default' };

/** `POST /jobs/<jobtype>` as far as it may be pushed. Without a contract any jobtype, with any args. */
export function jobPart(contract: Contract | undefined, allowed: AllowedNames): JobPart {
  if (contract === undefined)
    return { paths: { '/jobs/{jobtype}': { post: ANY_JOBTYPE } }, schemas: {}, example: ANY_EXAMPLE };
  const part = { paths: {}, schemas: {} };
  const told = Object.entries(contract.jobs).filter(([jobtype]) => allowsJobtype(allowed, jobtype));
  const examples = told.map(([jobtype, definition]) => addJobtype(part, jobtype, definition));
  return { ...part, example: examples[0] ?? ANY_EXAMPLE };
}

/** Other routes, and what every client takes out of a URL; such a job is pushed by `POST /jobs`. */
function hasPath(jobtype: string): boolean {
  return !['bulk', '.', '..'].includes(jobtype);
}

function addJobtype(
  { paths, schemas }: Pick<JobPart, 'paths' | 'schemas'>,
  jobtype: string,
  definition: JobDefinition,
): ExampleJob {
  const key = freeKey(`args.${jobtype.replace(/[^A-Za-z0-9._-]/g, '-')}`, schemas);
  const pointer = `#/components/schemas/${key}`;
  const schema = argsSchemaOf(definition, pointer);
  schemas[key] = { title: `Arguments of ${jobtype}`, ...schema };
  const lookUp = lookUpIn(schemas);
  const example = { jobtype, args: sampleOf(schema, lookUp), queue: definition.queue ?? 'default' };
  if (!hasPath(jobtype)) return example;
  const isRequired = typeof schema.minItems === 'number' && schema.minItems > 0;
  paths[`/jobs/${encodeURIComponent(jobtype)}`] = {
    post: pushOperation({
      operationId: `push.${key.slice('args.'.length)}`,
      summary: `Push a job "${jobtype}"`,
      description: travelOf(definition),
      requestBody: {
        required: isRequired,
        content: { 'application/json': bodyOf(schema, pointer, lookUp) },
      },
    }),
  };
  return example;
}

function bodyOf(schema: Schema, pointer: string, lookUp: LookUp): MediaType {
  const args = { $ref: pointer };
  const object = objectFormOf(schema, pointer, lookUp);
  if (object === undefined) return { schema: args, example: sampleOf(schema, lookUp) };
  return {
    schema: {
      anyOf: [{ $ref: object }, args],
      description: 'The one argument as an object, or all of them as an array.',
    },
    example: sampleOf({ $ref: object }, lookUp),
  };
}

/** How the contract has it travel. */
function travelOf({ queue = 'default', retry, reserveFor }: JobDefinition): string {
  const parts = [`Goes to the queue \`${queue}\``];
  if (retry !== undefined) parts.push(`is tried again ${retry} times`);
  if (reserveFor !== undefined) parts.push(`may be held for ${reserveFor} s`);
  return `${parts.join(', ')}. To say otherwise, use \`POST /jobs\`.`;
}

/** Finds what `#/components/schemas/…` means. */
export function lookUpIn(schemas: Readonly<Record<string, Schema>>): LookUp {
  return (ref) => {
    const path = ref.replace('#/components/schemas/', '').split('/');
    return path.reduce<unknown>((found, part) => {
      const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
      return typeof found === 'object' && found !== null && Object.hasOwn(found, name)
        ? (found as Record<string, unknown>)[name]
        : undefined;
    }, schemas);
  };
}

/** Several jobtypes may look the same in the characters that a key takes. */
function freeKey(wanted: string, taken: object): string {
  let key = wanted;
  for (let n = 2; Object.hasOwn(taken, key); n += 1) key = `${wanted}-${n}`;
  return key;
}

const ANY_JOBTYPE = pushOperation({
  operationId: 'push',
  summary: 'Push a job by its jobtype',
  description: 'The body is its arguments. To say more of it than those, use `POST /jobs`.',
  parameters: [
    {
      name: 'jobtype',
      in: 'path',
      required: true,
      description: 'Names the handler.',
      schema: { type: 'string', minLength: 1, maxLength: 256 },
      example: 'add',
    },
  ],
  requestBody: {
    required: false,
    content: {
      'application/json': {
        schema: {
          type: ['array', 'object'],
          description: 'All arguments of the handler as an array, or the one argument as an object.',
        },
        example: { a: 1, b: 2 },
      },
    },
  },
});
