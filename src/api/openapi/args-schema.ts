/** The args of a jobtype as JSON Schema, where its validator can tell (Standard JSON Schema). Pure. */
import type { StandardJSONSchemaV1 } from '@standard-schema/spec';
import type { JobDefinition } from '../../contract/contract.ts';
import type { Schema } from './types.ts';

/** Any array: what is shown where the validator cannot tell more. */
const ANY_ARGS: Schema = { type: 'array' };

/** Of these the values are data, which may look like a schema and is none. */
const DATA = new Set(['const', 'enum', 'default', 'examples', 'example']);
/** Of these the keys are names, not keywords. */
const NAMED = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas']);

/**
 * What args are taken, fit to stand at `pointer` (`#/components/schemas/…`) of a document: its own references, which
 * begin at its root, are made to begin there.
 */
export function argsSchemaOf({ args }: JobDefinition, pointer: string): Schema {
  if (args === undefined) return { ...ANY_ARGS, description: 'Any: the contract says nothing of them.' };
  const told = told202012(args['~standard']);
  if (told === undefined)
    return {
      ...ANY_ARGS,
      description: 'Checked by the contract, whose validator cannot tell them as JSON Schema.',
    };
  const { $schema: _, ...schema } = moved(told, pointer);
  return schema;
}

/**
 * The pointer of the object that may be sent instead of the args, which is taken as the one argument; undefined where
 * the args are more, or other, than one object. `lookUp` finds what a reference means.
 */
export function objectFormOf(
  schema: Schema,
  pointer: string,
  lookUp: (ref: string) => unknown,
): string | undefined {
  const { prefixItems, items, minItems } = schema;
  if (typeof minItems === 'number' && minItems > 1) return undefined;
  const first = Array.isArray(prefixItems) ? prefixItems[0] : items;
  return isObjectSchema(first, lookUp)
    ? `${pointer}/${Array.isArray(prefixItems) ? 'prefixItems/0' : 'items'}`
    : undefined;
}

function isObjectSchema(schema: unknown, lookUp: (ref: string) => unknown): boolean {
  if (typeof schema !== 'object' || schema === null) return false;
  const { type, $ref } = schema as Schema;
  if (typeof $ref !== 'string') return type === 'object';
  const target = lookUp($ref);
  // One step: a reference to a reference is rare, and then only the hint is missing.
  return typeof target === 'object' && target !== null && (target as Schema).type === 'object';
}

function told202012(standard: object): Schema | undefined {
  const { jsonSchema } = standard as Partial<StandardJSONSchemaV1.Props>;
  try {
    return jsonSchema?.input({ target: 'draft-2020-12' });
  } catch {
    // A type that JSON does not have, or a target that it does not know.
    return undefined;
  }
}

function moved(schema: Schema, pointer: string): Schema {
  const kept = Object.entries(schema).filter(([key, value]) => key !== 'prefixItems' || !isEmpty(value));
  return Object.fromEntries(kept.map(([key, value]) => [key, movedKeyword(key, value, pointer)]));
}

function movedKeyword(key: string, value: unknown, pointer: string): unknown {
  if (key === '$ref' || key === '$dynamicRef')
    return typeof value === 'string' && value.startsWith('#') ? pointer + value.slice(1) : value;
  if (DATA.has(key) || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => movedKeyword('', each, pointer));
  if (!NAMED.has(key)) return moved(value as Schema, pointer);
  const named = Object.entries(value).map(([name, each]) => [name, movedKeyword('', each, pointer)]);
  return Object.fromEntries(named);
}

/** JSON Schema wants one element there; zod writes none for a tuple of nothing. */
function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
