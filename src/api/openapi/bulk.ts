/** The operation that pushes many. */
import { AWAY_CODES, type ExampleJob } from './jobs.ts';
import { problemResponses } from './problems.ts';
import type { Operation, Schema } from './types.ts';

const job = { $ref: '#/components/schemas/Job' };
const error: Schema = { $ref: '#/components/schemas/Error/properties/error' };

/** What became of one: `place` names what it is counted by. */
const outcome = (place: 'line' | 'index'): Schema => ({
  type: 'object',
  required: [place],
  properties: {
    [place]: { type: 'integer', description: place === 'line' ? 'From 1.' : 'From 0.' },
    jid: { type: 'string', description: 'Of a job that Faktory has.' },
    queue: { type: 'string', description: 'Where it waits.' },
    error: { ...error, description: 'Of any other job: as if it had been pushed by itself.' },
  },
});

const sums: Schema = {
  stored: { type: 'integer', description: 'Jobs that Faktory has.' },
  failed: { type: 'integer', description: 'Jobs that it has not, or that it may have; each has its error.' },
  stoppedAt: { type: 'integer', description: 'The line or index from which on nothing was tried.' },
  error: { ...error, description: 'Why it stopped there.' },
};

/** `POST /jobs/bulk`. `example`: a job that may be pushed. */
export const bulkOperation = ({ jobtype, args }: ExampleJob): Operation => ({
  operationId: 'pushBulk',
  tags: ['Jobs'],
  summary: 'Push many jobs',
  description:
    'NDJSON (a job a line) or a JSON array of jobs, of any length: they are pushed as they arrive. What became of each is answered in the same form and order, with the sums at the end; an answer without them was cut. No `Idempotency-Key`: give the jobs jids of their own.',
  parameters: [
    {
      name: 'outcomes',
      in: 'query',
      description: '`failed` leaves the jobs that are stored out of the answer.',
      schema: { type: 'string', enum: ['all', 'failed'], default: 'all' },
    },
  ],
  requestBody: {
    required: true,
    content: {
      'application/x-ndjson': {
        schema: { type: 'string', description: 'One job, as in `POST /jobs`, a line.' },
        example: `${JSON.stringify({ jobtype, args })}\n`.repeat(2),
      },
      'application/json': {
        schema: { type: 'array', items: job },
        example: [{ jobtype, args }],
      },
    },
  },
  responses: {
    '200': {
      description: 'What became of each job: also when none was stored.',
      content: {
        'application/x-ndjson': {
          schema: {
            description: 'Of each line; the last line holds the sums.',
            anyOf: [outcome('line'), { type: 'object', required: ['stored', 'failed'], properties: sums }],
          },
          example: '{"line":1,"jid":"Qk3xYd8aTz01","queue":"default"}\n{"stored":1,"failed":0}\n',
        },
        'application/json': {
          schema: {
            type: 'object',
            required: ['results', 'stored', 'failed'],
            properties: { results: { type: 'array', items: outcome('index') }, ...sums },
          },
          example: {
            results: [{ index: 0, jid: 'Qk3xYd8aTz01', queue: 'default' }],
            stored: 1,
            failed: 0,
          },
        },
      },
    },
    ...problemResponses([
      'REQUEST_INVALID',
      'BODY_INVALID',
      'REQUEST_TIMEOUT',
      'ENCODING_UNSUPPORTED',
      ...AWAY_CODES,
    ]),
  },
});
