/** Which dead jobs a request means: the body, its rules, and what is allowed. Pure. */
import { Ajv } from 'ajv';
import { type FilterWords, filterOf, type JobFilter } from '../protocol/set-filter.ts';
import { type AllowedNames, refuseJobtype } from './allowed.ts';
import { Problem } from './problem.ts';

/** The body of POST /dead/requeue and /dead/discard. JSON Schema, shown by /openapi.json as it is. */
export const DEAD_FILTER = {
  type: 'object',
  description: 'Which jobs are meant: `jids`, `jobtype`, `match`, `jobtype` and `match`, or `all`.',
  minProperties: 1,
  additionalProperties: false,
  properties: {
    jids: {
      type: 'array',
      items: { type: 'string', minLength: 1, maxLength: 256 },
      minItems: 1,
      maxItems: 1_000,
      description: 'The jobs of these jids. It goes alone.',
    },
    jobtype: {
      type: 'string',
      minLength: 1,
      maxLength: 256,
      description: 'Jobs of this type; with `match`, those that both match.',
    },
    match: {
      type: 'string',
      minLength: 1,
      maxLength: 4_096,
      description:
        'Redis\' glob (`*` `?` `[abc]` `[^a]`, and `\\` before what is meant literally) for the whole job as Faktory stores it, so it mostly begins and ends with `*`: `*"tenant":7[,}]*`.',
    },
    all: { const: true, description: 'All of them. It goes alone.' },
  },
} as const;

interface DeadFilter {
  jids?: string[];
  jobtype?: string;
  match?: string;
  all?: true;
}

const WORDS: FilterWords = {
  jobtype: '"jobtype"',
  jids: '"jids"',
  match: '"match"',
  all: '"all": true',
  refuse: invalid,
};

const isDeadFilter = new Ajv({ allErrors: true }).compile<DeadFilter>(DEAD_FILTER);

/** What MUTATE takes. Throws FILTER_INVALID, JOB_FORBIDDEN. */
export function deadFilterOf(body: unknown, allowed: AllowedNames): JobFilter {
  if (body === undefined || !isDeadFilter(body)) throw invalid(whyNot(body));
  const filter = filterOf(body, WORDS);
  refuseBeyond(allowed, body.jobtype);
  return filter;
}

/** What may not be pushed may not be requeued nor discarded either; of a dead job, Faktory tells only its jobtype apart. */
function refuseBeyond(allowed: AllowedNames, jobtype: string | undefined): void {
  if (allowed.queues !== undefined) {
    const message = 'API_QUEUES is set, and dead jobs cannot be told apart by queue: use `millrace dead`';
    throw new Problem('JOB_FORBIDDEN', { message });
  }
  if (allowed.jobtypes === undefined) return;
  if (jobtype === undefined) {
    const message = 'API_JOBTYPES is set: name a "jobtype" that it allows';
    throw new Problem('JOB_FORBIDDEN', { message });
  }
  refuseJobtype(allowed, jobtype);
}

function whyNot(body: unknown): string {
  const fields = Object.keys(DEAD_FILTER.properties).join(', ');
  if (body === undefined) return `the body is empty, it takes an object with ${fields}`;
  const [error] = isDeadFilter.errors ?? [];
  const path = error?.instancePath.slice(1).replaceAll('/', '.') || 'the body';
  if (error?.keyword === 'additionalProperties') {
    const unknown = String(error.params.additionalProperty).slice(0, 100);
    return `${JSON.stringify(unknown)} is not known here: the body takes ${fields}`;
  }
  if (error?.keyword === 'minProperties') return `the body says nothing: it takes ${fields}`;
  return `${path} ${error?.message ?? 'is not valid'}`;
}

function invalid(message: string): Problem {
  return new Problem('FILTER_INVALID', { message });
}
