import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ENVELOPE } from '../../src/api/job-request.ts';
import { openApiOf } from '../../src/api/openapi/document.ts';
import type { OpenApi, Operation } from '../../src/api/openapi/types.ts';
import { PROBLEM_CODES } from '../../src/api/problem.ts';
import { type AnyJobs, type Contract, defineJobs } from '../../src/contract/contract.ts';
import { Service } from './service.ts';

const node = z.object({
  name: z.string(),
  get children() {
    return z.array(node);
  },
});
const contract = defineJobs({
  add: {
    args: z.tuple([z.object({ a: z.number().int(), b: z.number().default(2) })]),
    queue: 'sums',
    retry: 5,
  },
  pair: { args: z.tuple([z.string(), z.email()]) },
  tree: { args: z.tuple([node]) },
  'Mail::Send/é': { args: z.array(z.uuid()).min(1), reserveFor: 120 },
  'Mail--Send/é': {},
  date: { args: z.tuple([z.date()]) },
  none: { args: z.tuple([]) },
  bulk: {},
});

const described = (options: Partial<Parameters<typeof openApiOf>[0]> = {}): OpenApi =>
  openApiOf({ contract, allowed: {}, asksForToken: true, ...options });

const operationsOf = ({ paths }: OpenApi) =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      method,
      operation: operation as Operation,
    })),
  );

/** HEAD goes with GET. */
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

describe('the description', () => {
  it.each([
    ['with a contract', described()],
    ['without one', described({ contract: undefined })],
    ['without a token', described({ asksForToken: false })],
  ])('is valid OpenAPI 3.1, %s', async (_, document) => {
    const validator = new Validator();
    const result = await validator.validate(JSON.parse(JSON.stringify(document)));
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
    expect(validator.version).toBe('3.1');
  });

  it('has schemas that are valid, and whose references lead somewhere', () => {
    const document = described();
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema(document, 'doc');
    const names = Object.keys(document.components.schemas);
    for (const name of names) {
      expect(ajv.validateSchema(document.components.schemas[name]!), JSON.stringify(ajv.errors)).toBe(true);
      ajv.compile({ $ref: `doc#/components/schemas/${name}` });
    }
    expect(names).toContain('args.tree');
  });

  it('has each route of the API, and no other', async () => {
    await using service = await Service.start();
    const { app } = service.api;
    await app.ready();
    const inDocument = operationsOf(described({ contract: undefined })).map(
      ({ path, method }) => `${method.toUpperCase()} ${path}`,
    );
    const inApp: string[] = [];
    for (const { method, url } of routesOf(app.printRoutes({ commonPrefix: false }))) {
      if (!METHODS.includes(method)) continue;
      const path = url.replace(/:(\w+)/g, 'x');
      // What is only there to be answered with 405 is no operation.
      const { statusCode } = await app.inject({ method: method as 'GET', url: path });
      if (statusCode !== 405) inApp.push(`${method} ${url.replace(/:(\w+)/g, '{$1}')}`);
    }
    expect(inApp.sort()).toEqual(inDocument.sort());
  });

  it('tells each code that an answer may hold', () => {
    const text = JSON.stringify(described());
    const told = PROBLEM_CODES.filter((code) => text.includes(`"${code}":{"value"`));
    expect(told).toEqual(PROBLEM_CODES);
  });

  it('shows the envelope as it is checked', () => {
    expect(described().components.schemas.Job).toBe(ENVELOPE);
  });

  it('has operation ids that are there once', () => {
    const ids = operationsOf(described()).map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('the jobs of a contract', () => {
  const bodyOf = (path: string) => described().paths[path]?.post?.requestBody?.content['application/json'];

  it('have a path each, but one that is taken; others than these are not told of', () => {
    const paths = Object.keys(described().paths).filter((path) => path.startsWith('/jobs'));
    expect(paths).toEqual([
      '/jobs/add',
      '/jobs/pair',
      '/jobs/tree',
      '/jobs/Mail%3A%3ASend%2F%C3%A9',
      '/jobs/Mail--Send%2F%C3%A9',
      '/jobs/date',
      '/jobs/none',
      '/jobs/bulk',
      '/jobs',
    ]);
    expect(described().paths['/jobs/bulk']?.post?.operationId).toBe('pushBulk');
  });

  it('are those that API_JOBTYPES allows', () => {
    const paths = Object.keys(described({ allowed: { jobtypes: ['p*'] } }).paths);
    expect(paths.filter((path) => /^\/jobs\/[^b]/.test(path))).toEqual(['/jobs/pair']);
    const { schemas } = described({ allowed: { jobtypes: ['p*'] } }).components;
    expect(Object.keys(schemas).filter((name) => name.startsWith('args.'))).toEqual(['args.pair']);
  });

  it('say their args, and the object that may be sent for them', () => {
    expect(described().components.schemas['args.add']).toEqual({
      title: 'Arguments of add',
      type: 'array',
      prefixItems: [
        {
          type: 'object',
          properties: { a: expect.objectContaining({ type: 'integer' }), b: { type: 'number', default: 2 } },
          required: ['a'],
        },
      ],
      items: false,
      minItems: 1,
      maxItems: 1,
    });
    expect(bodyOf('/jobs/add')?.schema.anyOf).toEqual([
      { $ref: '#/components/schemas/args.add/prefixItems/0' },
      { $ref: '#/components/schemas/args.add' },
    ]);
    expect(bodyOf('/jobs/pair')?.schema).toEqual({ $ref: '#/components/schemas/args.pair' });
  });

  it('may refer to themselves', () => {
    const text = JSON.stringify(described().components.schemas['args.tree']);
    expect([...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref)).toEqual([
      '#/components/schemas/args.tree/$defs/__schema0',
      '#/components/schemas/args.tree/$defs/__schema0',
    ]);
    expect(bodyOf('/jobs/tree')?.schema.anyOf).toHaveLength(2);
  });

  it('are any array where the validator cannot say, or there is none', () => {
    const { schemas } = described().components;
    expect(schemas['args.date']).toMatchObject({
      type: 'array',
      description: expect.stringMatching(/validator/),
    });
    expect(schemas['args.Mail--Send---2']).toMatchObject({ type: 'array' });
  });

  it('come with examples that the API takes', async () => {
    await using service = await Service.start({
      client: { contract: contract as Contract as Contract<AnyJobs> },
    });
    const document = (await service.get('/openapi.json')).json() as OpenApi;
    for (const path of [
      '/jobs/add',
      '/jobs/pair',
      '/jobs/tree',
      '/jobs/none',
      '/jobs/Mail%3A%3ASend%2F%C3%A9',
    ]) {
      const example = document.paths[path]?.post?.requestBody?.content['application/json']?.example;
      const response = await service.post(path, JSON.stringify(example));
      expect(response.statusCode, `${path} ${JSON.stringify(example)} ${response.body}`).toBe(202);
    }
  });
});

describe('GET /openapi.json', () => {
  it('is open where the API is, and behind the token where there is one', async () => {
    await using open = await Service.start();
    const response = await open.get('/openapi.json');
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(response.json()).toMatchObject({ openapi: '3.1.0', security: [] });
    await using closed = await Service.start({ api: { token: 'a-token' } });
    expect((await closed.get('/openapi.json')).statusCode).toBe(401);
    const allowed = await closed.get('/openapi.json', { authorization: 'Bearer a-token' });
    expect(allowed.json()).toMatchObject({ security: [{ token: [] }] });
    expect(allowed.json().paths['/health'].get.security).toEqual([]);
  });
});

/** Fastify shows its routes as a tree: a part of the URL a line, and the methods in brackets. */
function routesOf(tree: string): { method: string; url: string }[] {
  const routes: { method: string; url: string }[] = [];
  const parts: string[] = [];
  for (const line of tree.split('\n')) {
    const match = /^([\s│├└─]*)(\S*)(?: \(([A-Z, -]+)\))?$/.exec(line);
    if (match === null || match[2] === '') continue;
    const depth = Math.floor(match[1]!.length / 4);
    parts.length = depth;
    parts[depth] = match[2]!;
    const url = parts.join('').replace(/^\/\//, '/');
    for (const method of match[3]?.split(', ') ?? []) routes.push({ method, url });
  }
  return routes;
}
