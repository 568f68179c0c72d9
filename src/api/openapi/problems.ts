/** What an operation may answer when it does not do what was asked, from the table of problem.ts. */
import { PROBLEM_CODES, Problem, type ProblemCode } from '../problem.ts';
import type { Response, Schema } from './types.ts';

/** Any request may get these, whatever it asks for. */
const ANYWHERE: readonly ProblemCode[] = [
  'REQUEST_INVALID',
  'CROSS_SITE',
  'NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'REQUEST_TIMEOUT',
  'URL_TOO_LONG',
  'EXPECTATION_FAILED',
  'HOST_UNKNOWN',
  'RATE_LIMITED',
  'HEADERS_TOO_LARGE',
  'INTERNAL',
];

/** The body of every answer that is no success. */
export const ERROR_SCHEMA: Schema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: {
        code: { type: 'string', enum: [...new Set(PROBLEM_CODES)].sort(), description: 'What to match on.' },
        message: { type: 'string', description: 'What happened, in one line, for people.' },
        jid: { type: 'string', description: 'Of a job that Faktory may have.' },
        faults: {
          type: 'array',
          description: 'What is wrong with the body, each with its place.',
          items: {
            type: 'object',
            required: ['path', 'message'],
            properties: { path: { type: 'string', examples: ['args[0].b'] }, message: { type: 'string' } },
          },
        },
      },
    },
  },
};

export const ANYWHERE_RESPONSE = responseOf(ANYWHERE.map((code) => new Problem(code)));

/** By status: the codes, and what each says. */
export function problemResponses(codes: readonly ProblemCode[]): Record<string, Response> {
  const byStatus = new Map<number, Problem[]>();
  for (const code of codes) {
    const problem = new Problem(code);
    byStatus.set(problem.status, [...(byStatus.get(problem.status) ?? []), problem]);
  }
  return Object.fromEntries([...byStatus].map(([status, problems]) => [status, responseOf(problems)]));
}

function responseOf(problems: readonly Problem[]): Response {
  const retried = problems.some(({ retryAfter }) => retryAfter !== undefined);
  const examples = problems.map(({ code, message }) => [code, { value: { error: { code, message } } }]);
  return {
    description: problems.map(({ code, message }) => `\`${code}\`: ${message}`).join('\n\n'),
    ...(retried
      ? {
          headers: {
            'Retry-After': {
              description: 'Seconds to wait before the next try.',
              schema: { type: 'integer' },
            },
          },
        }
      : {}),
    content: {
      'application/json': {
        schema: { $ref: '#/components/schemas/Error' },
        examples: Object.fromEntries(examples),
      },
    },
  };
}
