/** The description of the API, OpenAPI 3.1: made from the contract and from the tables that the routes use. Pure. */
import { createRequire } from 'node:module';
import type { Contract } from '../../contract/contract.ts';
import type { AllowedNames } from '../allowed.ts';
import { ENVELOPE } from '../job-request.ts';
import { bulkOperation } from './bulk.ts';
import { ACCEPTED_SCHEMA, jobPart } from './jobs.ts';
import { OWN_SCHEMAS, ownPaths } from './operations.ts';
import { ANYWHERE_RESPONSE, ERROR_SCHEMA, problemResponses } from './problems.ts';
import type { OpenApi, Operation, Paths, Schema } from './types.ts';

const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string };

export interface DescribedApi {
  readonly contract: Contract | undefined;
  /** Jobtypes that may not be pushed are not told. */
  readonly allowed: AllowedNames;
  /** Whether it demands a token. */
  readonly asksForToken: boolean;
}

export function openApiOf({ contract, allowed, asksForToken }: DescribedApi): OpenApi {
  const jobs = jobPart(contract, allowed);
  const schemas: Record<string, Schema> = {
    Job: ENVELOPE,
    Accepted: ACCEPTED_SCHEMA,
    ...OWN_SCHEMAS,
    Error: ERROR_SCHEMA,
    ...jobs.schemas,
  };
  return {
    openapi: '3.1.0',
    info: { title: 'Millrace: jobs by HTTP', version, description: aboutOf(asksForToken) },
    // Relative to where this document is.
    servers: [{ url: '/' }],
    security: asksForToken ? [{ token: [] }] : [],
    tags: [
      { name: 'Jobs', description: 'Answered with 2xx only once Faktory has the job.' },
      { name: 'Queues', description: 'As Faktory tells of them.' },
      { name: 'Dead jobs', description: 'Jobs that failed too often.' },
      { name: 'The API itself', description: 'For those who run it.' },
    ],
    paths: withAny(
      { ...jobs.paths, '/jobs/bulk': { post: bulkOperation(jobs.example) }, ...ownPaths(jobs.example) },
      asksForToken,
    ),
    components: {
      schemas,
      responses: { Any: ANYWHERE_RESPONSE },
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'One of API_TOKEN.' } },
    },
  };
}

function aboutOf(asksForToken: boolean): string {
  const token = asksForToken ? 'Requests bring the token: `Authorization: Bearer …`. ' : '';
  return `${token}Every body is JSON, whatever its content type says. What is no success is answered as \`{"error": {"code", "message"}}\`: match on the code.`;
}

/** What any request may be told is told once, as the default. */
function withAny(paths: Paths, asksForToken: boolean): Paths {
  const unauthorized = asksForToken ? problemResponses(['UNAUTHORIZED']) : {};
  const described = (operation: Operation): Operation => ({
    ...operation,
    responses: {
      ...operation.responses,
      ...(operation.security === undefined ? unauthorized : {}),
      default: { $ref: '#/components/responses/Any' },
    },
  });
  return Object.fromEntries(
    Object.entries(paths).map(([path, methods]) => [
      path,
      Object.fromEntries(
        Object.entries(methods).map(([method, operation]) => [method, described(operation)]),
      ),
    ]),
  );
}
