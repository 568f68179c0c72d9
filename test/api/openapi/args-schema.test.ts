import { describe, expect, it } from 'vitest';
import { argsSchemaOf } from '../../../src/api/openapi/args-schema.ts';
import type { JobDefinition } from '../../../src/contract/contract.ts';

/** A validator that tells `schema`. */
const telling = (schema: object): JobDefinition => ({
  args: {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: unknown) => ({ value: value as unknown[] }),
      jsonSchema: { input: () => schema, output: () => ({}) },
    },
  } as NonNullable<JobDefinition['args']>,
});

describe('the args as JSON Schema', () => {
  it('refer to where they stand, wherever a reference is one', () => {
    const schema = argsSchemaOf(
      telling({
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'array',
        items: { anyOf: [{ $ref: '#' }, { $ref: '#/$defs/a' }, { $ref: 'https://example.com/b' }] },
        $defs: {
          a: { properties: { $ref: { type: 'string' }, enum: { $ref: '#' }, c: { const: { $ref: '#' } } } },
        },
      }),
      '#/components/schemas/x',
    );
    expect(schema).toEqual({
      type: 'array',
      items: {
        anyOf: [
          { $ref: '#/components/schemas/x' },
          { $ref: '#/components/schemas/x/$defs/a' },
          { $ref: 'https://example.com/b' },
        ],
      },
      $defs: {
        a: {
          properties: {
            $ref: { type: 'string' },
            enum: { $ref: '#/components/schemas/x' },
            c: { const: { $ref: '#' } },
          },
        },
      },
    });
  });

  it('leave out an empty prefixItems, which JSON Schema does not know', () => {
    const schema = argsSchemaOf(telling({ type: 'array', prefixItems: [], items: false }), '#/x');
    expect(schema).toEqual({ type: 'array', items: false });
  });

  it('are any array where the validator knows no JSON Schema', () => {
    const args = telling({}).args!;
    const plain = { '~standard': { ...args['~standard'], jsonSchema: undefined } };
    expect(argsSchemaOf({ args: plain }, '#/x')).toMatchObject({ type: 'array' });
    expect(argsSchemaOf({}, '#/x')).toMatchObject({ type: 'array' });
  });
});
