/** An example of what a schema takes, for a command that works as it is. Pure; at best it fits, a pattern may not. */
import type { Schema } from './types.ts';

export type LookUp = (ref: string) => unknown;

const FORMATS: Readonly<Record<string, string>> = {
  'date-time': '2030-01-31T09:00:00Z',
  date: '2030-01-31',
  time: '09:00:00',
  email: 'ada@example.com',
  uri: 'https://example.com/',
  uuid: '8d8ac610-566d-4ef0-9c22-186b2a5ed793',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  hostname: 'example.com',
};

/** Deeper, and recursive ones, are left empty. */
const MOST_DEPTH = 6;

/** Null where a schema says nothing. */
export function sampleOf(schema: unknown, lookUp: LookUp, depth = 0): unknown {
  if (typeof schema !== 'object' || schema === null || depth > MOST_DEPTH) return null;
  const known = schema as Schema;
  const next = (inner: unknown): unknown => sampleOf(inner, lookUp, depth + 1);
  const { examples, anyOf, oneOf, allOf, $ref } = known;
  if (Array.isArray(examples) && examples.length > 0) return examples[0];
  for (const keyword of ['const', 'default'] as const) if (keyword in known) return known[keyword];
  if (Array.isArray(known.enum)) return known.enum[0];
  if (typeof $ref === 'string') return next(lookUp($ref));
  for (const choices of [anyOf, oneOf]) if (Array.isArray(choices)) return next(choices[0]);
  if (Array.isArray(allOf)) return Object.assign({}, ...allOf.map(next));
  return ofType(known, next);
}

function ofType(schema: Schema, next: (inner: unknown) => unknown): unknown {
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case 'object':
      return objectOf(schema, next);
    case 'array':
      return arrayOf(schema, next);
    case 'string':
      return stringOf(schema);
    case 'integer':
    case 'number':
      return numberOf(schema);
    case 'boolean':
      return true;
    default:
      return null;
  }
}

function objectOf({ properties = {}, required }: Schema, next: (inner: unknown) => unknown): object {
  const wanted = new Set(Array.isArray(required) ? required : []);
  const entries = Object.entries(properties as object).filter(([name]) => wanted.has(name));
  return Object.fromEntries(entries.map(([name, inner]) => [name, next(inner)]));
}

function arrayOf(
  { prefixItems = [], items, minItems = 0 }: Schema,
  next: (inner: unknown) => unknown,
): unknown[] {
  const fixed = prefixItems as unknown[];
  const length = Math.min(10, Number(minItems));
  return Array.from({ length }, (_, i) => next(fixed[i] ?? items));
}

function stringOf({ format, minLength = 0, maxLength = 256 }: Schema): string {
  const text = FORMATS[String(format)] ?? 'text';
  return text.padEnd(Math.min(Number(minLength), 256), 'x').slice(0, Number(maxLength));
}

/** The number nearest to 1 that the bounds allow. */
function numberOf({ minimum, exclusiveMinimum, maximum, exclusiveMaximum, multipleOf }: Schema): number {
  const least = Math.max(numberIn(minimum, -Infinity), numberIn(exclusiveMinimum, -Infinity) + 1);
  const most = Math.min(numberIn(maximum, Infinity), numberIn(exclusiveMaximum, Infinity) - 1);
  const near = Math.min(Math.max(1, least), most);
  return typeof multipleOf === 'number' ? Math.ceil(near / multipleOf) * multipleOf : near;
}

function numberIn(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
