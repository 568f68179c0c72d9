/** The operations that are the same whatever the contract. */
import { DEAD_FILTER } from '../dead-filter.ts';
import type { ProblemCode } from '../problem.ts';
import { AWAY_CODES, BODY_CODES, type ExampleJob, pushOperation } from './jobs.ts';
import { problemResponses } from './problems.ts';
import type { Operation, Parameter, Paths, Response, Schema } from './types.ts';

const COMMAND_CODES: readonly ProblemCode[] = [...AWAY_CODES, 'COMMAND_REFUSED', 'COMMAND_UNFINISHED'];

const json = (description: string, schema: Schema, example: unknown): Response => ({
  description,
  content: { 'application/json': { schema, example } },
});

const queueName = (example: string): Parameter => ({
  name: 'name',
  in: 'path',
  required: true,
  description: 'The queue.',
  schema: { type: 'string', pattern: '^[a-zA-Z0-9._-]{1,128}$' },
  example,
});

const PAUSED: Schema = {
  type: ['boolean', 'null'],
  description:
    "What this API did last; null where it did nothing since it was started, since Faktory does not tell, and always with several API_PROCESSES. Others, such as Faktory's own page, may have changed it.",
};

const QUEUES: Schema = {
  type: 'object',
  required: ['asOf', 'queues', 'sets'],
  properties: {
    asOf: { type: 'string', format: 'date-time', description: 'When Faktory was asked: at most every 15 s.' },
    queues: {
      type: 'object',
      description: 'By name.',
      additionalProperties: {
        type: 'object',
        required: ['size', 'latencySeconds', 'paused'],
        properties: {
          size: { type: 'integer', minimum: 0 },
          latencySeconds: {
            type: ['number', 'null'],
            description: 'How long the oldest job has waited; null beyond the first 100 queues.',
          },
          paused: PAUSED,
        },
      },
    },
    sets: {
      type: 'object',
      required: ['scheduled', 'working', 'retries', 'dead'],
      properties: Object.fromEntries(
        ['scheduled', 'working', 'retries', 'dead'].map((set) => [set, { type: 'integer', minimum: 0 }]),
      ),
    },
  },
};

const SENT: Schema = {
  type: 'object',
  required: ['sent', 'before', 'newsInSeconds'],
  properties: {
    sent: { type: 'integer', description: 'Commands that Faktory has carried out.' },
    before: {
      type: ['object', 'null'],
      description: 'The size of Dead before, and when it was asked for.',
      properties: { dead: { type: 'integer' }, asOf: { type: 'string', format: 'date-time' } },
    },
    newsInSeconds: { type: 'integer', description: 'After so long, GET /queues tells the size after it.' },
  },
};

const pausing = (verb: 'pause' | 'resume', queue: string): Operation => ({
  operationId: verb === 'pause' ? 'pauseQueue' : 'resumeQueue',
  tags: ['Queues'],
  summary: verb === 'pause' ? 'Pause a queue' : 'Resume a queue',
  description:
    verb === 'pause'
      ? 'Workers get no jobs of it until it is resumed. A FETCH that waits already may still get one.'
      : 'Workers get its jobs again.',
  parameters: [queueName(queue)],
  responses: {
    '200': json(
      'Faktory did it. `paused` is null where it could not be told whether Faktory has the queue.',
      {
        type: 'object',
        required: ['queue', 'paused'],
        properties: { queue: { type: 'string' }, paused: { type: ['boolean', 'null'] } },
      },
      { queue, paused: verb === 'pause' },
    ),
    // A body is not looked at, but it must not be too large.
    ...problemResponses([
      'BODY_TOO_LARGE',
      'QUEUE_INVALID',
      'JOB_FORBIDDEN',
      'QUEUE_UNKNOWN',
      ...COMMAND_CODES,
    ]),
  },
});

const mutation = (verb: 'requeue' | 'discard', jobtype: string): Operation => ({
  operationId: `${verb}Dead`,
  tags: ['Dead jobs'],
  summary: verb === 'requeue' ? 'Run dead jobs again' : 'Delete dead jobs for good',
  description: `${
    verb === 'requeue' ? 'They go behind what waits in their queues, in no order. ' : ''
  }Faktory does not tell how many matched, and goes through all of Dead within 5 s or stops. One such request at a time. Ten \`jids\` make one command.`,
  requestBody: {
    required: true,
    content: {
      'application/json': {
        schema: { $ref: '#/components/schemas/DeadFilter' },
        examples: {
          jobtype: { value: { jobtype } },
          jids: { value: { jids: ['Qk3xYd8aTz01', '7fXo2mmPq9aa'] } },
          match: { value: { jobtype, match: '*"tenant":7[,}]*' } },
          all: { value: { all: true } },
        },
      },
    },
  },
  responses: {
    '200': json(
      'Faktory did it.',
      { $ref: '#/components/schemas/Sent' },
      { sent: 1, before: { dead: 12, asOf: '2030-01-31T09:00:00.000Z' }, newsInSeconds: 9 },
    ),
    ...problemResponses([
      ...BODY_CODES,
      'FILTER_INVALID',
      'JOB_FORBIDDEN',
      'MUTATION_RUNNING',
      ...COMMAND_CODES,
    ]),
  },
});

/** Where to find each: `POST /jobs/<jobtype>` is beside them. `example`: of a job, with which the examples work. */
export const ownPaths = ({ jobtype, args, queue }: ExampleJob): Paths => ({
  '/jobs': {
    post: pushOperation({
      operationId: 'pushEnvelope',
      summary: 'Push a job, with all that may be said of it',
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: { $ref: '#/components/schemas/Job' },
            example: { jobtype, args, queue, delayMs: 60_000 },
          },
        },
      },
    }),
  },
  '/queues': {
    get: {
      operationId: 'listQueues',
      tags: ['Queues'],
      summary: 'How the queues and sets fare',
      responses: {
        '200': json(
          'As of `asOf`.',
          { $ref: '#/components/schemas/Queues' },
          {
            asOf: '2030-01-31T09:00:00.000Z',
            queues: { default: { size: 3, latencySeconds: 1.2, paused: null } },
            sets: { scheduled: 0, working: 2, retries: 1, dead: 0 },
          },
        ),
        ...problemResponses([...AWAY_CODES, 'COMMAND_REFUSED']),
      },
    },
  },
  '/queues/{name}/pause': { post: pausing('pause', queue) },
  '/queues/{name}/resume': { post: pausing('resume', queue) },
  '/dead/requeue': { post: mutation('requeue', jobtype) },
  '/dead/discard': { post: mutation('discard', jobtype) },
  '/health': {
    get: {
      operationId: 'health',
      tags: ['The API itself'],
      summary: 'Whether the process answers',
      security: [],
      responses: {
        '200': json(
          'It does.',
          { type: 'object', properties: { status: { const: 'ok' } } },
          { status: 'ok' },
        ),
      },
    },
  },
  '/ready': {
    get: {
      operationId: 'ready',
      tags: ['The API itself'],
      summary: 'Whether it takes jobs just now',
      security: [],
      responses: {
        '200': json(
          'It does.',
          { type: 'object', properties: { status: { const: 'ready' } } },
          { status: 'ready' },
        ),
        ...problemResponses(['CLOSED', 'FAKTORY_UNREACHABLE']),
      },
    },
  },
  '/metrics': {
    get: {
      operationId: 'metrics',
      tags: ['The API itself'],
      summary: 'What it counts, for Prometheus',
      responses: {
        '200': {
          description: "In Prometheus' text format.",
          content: { 'text/plain': { schema: { type: 'string' } } },
        },
      },
    },
  },
  '/openapi.json': {
    get: {
      operationId: 'openapi',
      tags: ['The API itself'],
      summary: 'This description, for programs',
      responses: {
        '200': {
          description: 'OpenAPI 3.1.',
          content: { 'application/json': { schema: { type: 'object' } } },
        },
      },
    },
  },
  '/docs': {
    get: {
      operationId: 'docs',
      tags: ['The API itself'],
      summary: 'This description, for people',
      responses: {
        '200': { description: 'One page.', content: { 'text/html': { schema: { type: 'string' } } } },
      },
    },
  },
});

export const OWN_SCHEMAS: Readonly<Record<string, Schema>> = {
  Queues: QUEUES,
  DeadFilter: DEAD_FILTER,
  Sent: SENT,
};
