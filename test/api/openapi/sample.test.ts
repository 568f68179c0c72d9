import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { sampleOf } from '../../../src/api/openapi/sample.ts';

const ajv = new Ajv2020({ strict: false, validateFormats: false });

describe('an example', () => {
  it.each([
    ['integers', z.int()],
    ['bounded numbers', z.tuple([z.number().gt(5), z.number().lt(-3), z.number().min(0.5).max(0.7)])],
    ['multiples', z.number().multipleOf(12)],
    ['strings', z.tuple([z.string().min(9), z.string().max(2), z.string()])],
    ['formats', z.tuple([z.email(), z.uuid(), z.iso.datetime(), z.iso.date(), z.url(), z.ipv4(), z.ipv6()])],
    [
      'choices',
      z.tuple([z.enum(['p', 'q']), z.literal(3), z.union([z.object({ a: z.boolean() }), z.null()])]),
    ],
    [
      'objects',
      z.object({ a: z.string(), b: z.string().optional(), c: z.object({ d: z.array(z.int()).min(2) }) }),
    ],
    ['intersections', z.intersection(z.object({ a: z.int() }), z.object({ b: z.int() }))],
    ['records', z.record(z.string(), z.int())],
  ])('fits a schema of %s', (_, schema) => {
    const json = z.toJSONSchema(schema, { io: 'input' });
    const sample = sampleOf(json, () => undefined);
    expect(ajv.validate(json, sample), `${JSON.stringify(sample)} ${ajv.errorsText()}`).toBe(true);
    expect(schema.safeParse(sample).success).toBe(true);
  });

  it('is what the schema gives as one, or its default', () => {
    expect(sampleOf({ type: 'string', examples: ['Ada'] }, () => undefined)).toBe('Ada');
    expect(sampleOf({ type: 'integer', default: 7 }, () => undefined)).toBe(7);
  });

  it('ends where a schema holds itself', () => {
    const node: Record<string, unknown> = {
      type: 'object',
      required: ['next'],
      properties: { next: { $ref: '#' } },
    };
    expect(JSON.stringify(sampleOf(node, () => node)).length).toBeLessThan(200);
  });

  it('is null where nothing is said', () => {
    expect([sampleOf({}, () => undefined), sampleOf(true, () => undefined)]).toEqual([null, null]);
  });
});
