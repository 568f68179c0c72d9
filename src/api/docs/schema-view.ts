/** A JSON Schema as a person reads it: nested lists of fields. Pure. */
import { escapeText } from '../../report/escape.ts';
import type { LookUp } from '../openapi/sample.ts';
import type { Schema } from '../openapi/types.ts';
import { prose } from './prose.ts';

/** Deeper ones, and those that hold themselves, are not opened any more. */
const MOST_DEPTH = 5;

/** What is shown once, elsewhere on the page: its name, and where. */
const ELSEWHERE: readonly (readonly [ref: string, link: string])[] = [
  ['#/components/schemas/Job', '<a href="#pushEnvelope">a job</a>'],
  ['#/components/schemas/Error/properties/error', '<a href="#errors">an error</a>'],
];

/** HTML. */
export function schemaView(schema: unknown, lookUp: LookUp, depth = 0): string {
  const known = resolve(schema, lookUp);
  const lines = fieldsOf(known, lookUp).map(([name, inner, isNeeded]) => {
    const of = resolve(inner, lookUp);
    const needed = isNeeded ? ' <span class="needed">required</span>' : '';
    const told = typeof of.description === 'string' ? ` ${prose(of.description)}` : '';
    const link = ELSEWHERE.find(([ref]) => ref === (inner as Schema).$ref)?.[1];
    const kind = link ?? escapeText(kindOf(of, lookUp));
    const deeper = depth < MOST_DEPTH && link === undefined ? schemaView(of, lookUp, depth + 1) : '';
    return `<li><code>${escapeText(name)}</code> <span class="kind">${kind}</span>${needed}${told}${deeper}</li>`;
  });
  return lines.length === 0 ? '' : `<ul class="fields">${lines.join('\n')}</ul>`;
}

/** In a few words: its type and its bounds. */
export function kindOf(schema: unknown, lookUp: LookUp): string {
  const known = resolve(schema, lookUp);
  const choices = choicesOf(known);
  if (choices !== undefined)
    return [...new Set(choices.map((choice) => kindOf(choice, lookUp)))].join(' or ');
  if ('const' in known) return JSON.stringify(known.const);
  return [typeOf(known, lookUp), ...boundsOf(known)].join(', ');
}

type Field = readonly [name: string, schema: unknown, isNeeded: boolean];

function fieldsOf(schema: Schema, lookUp: LookUp): readonly Field[] {
  const choices = choicesOf(schema);
  if (choices !== undefined) {
    const told = choices.filter(
      (choice, i) =>
        fieldsOf(resolve(choice, lookUp), lookUp).length > 0 && !isArrayOfOne(choice, choices[i - 1], lookUp),
    );
    if (told.length === 1) return fieldsOf(resolve(told[0], lookUp), lookUp);
    return told.map((choice, i) => [`${i === 0 ? 'either' : 'or'}`, choice, false]);
  }
  const { prefixItems, items, properties, additionalProperties, required, minItems = 0 } = schema;
  if (Array.isArray(prefixItems)) return prefixItems.map((item, i) => [`[${i}]`, item, i < Number(minItems)]);
  if (isObject(items)) return isPlain(items, lookUp) ? [] : [['[…]', items, false]];
  const needed = new Set(Array.isArray(required) ? required : []);
  const fields: Field[] = Object.entries((properties as object | undefined) ?? {}).map(([name, inner]) => [
    name,
    inner,
    needed.has(name),
  ]);
  if (isObject(additionalProperties)) fields.push(['(any name)', additionalProperties, false]);
  return fields;
}

/** Then nothing more is to be told of it than its type. */
function isPlain(schema: Schema, lookUp: LookUp): boolean {
  const known = resolve(schema, lookUp);
  return (
    known.description === undefined && boundsOf(known).length === 0 && fieldsOf(known, lookUp).length === 0
  );
}

/** Whether `choice` is the array that holds nothing but `before`. */
function isArrayOfOne(choice: unknown, before: unknown, lookUp: LookUp): boolean {
  if (!isObject(choice) || !isObject(before)) return false;
  return before.$ref === `${choice.$ref}/prefixItems/0` && resolve(choice, lookUp).maxItems === 1;
}

function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null;
}

function choicesOf({ anyOf, oneOf }: Schema): readonly unknown[] | undefined {
  const choices = anyOf ?? oneOf;
  return Array.isArray(choices) ? choices : undefined;
}

/** More than so many values are not told one by one. */
const MOST_VALUES = 12;

function typeOf(schema: Schema, lookUp: LookUp): string {
  const { type, items, format, enum: values } = schema;
  if (Array.isArray(values) && values.length <= MOST_VALUES)
    return values.map((each) => JSON.stringify(each)).join(' or ');
  const types = Array.isArray(type) ? type.join(' or ') : String(type ?? 'anything');
  if (type === 'array' && isObject(items)) return `array of ${nameOf(items, lookUp)}`;
  return typeof format === 'string' ? `${types} (${format})` : types;
}

/** Of what an array holds, without its bounds: those are told below. */
function nameOf(items: Schema, lookUp: LookUp): string {
  const known = resolve(items, lookUp);
  return choicesOf(known) === undefined ? typeOf(known, lookUp) : kindOf(known, lookUp);
}

const BOUNDS: readonly (readonly [string, (value: unknown) => string])[] = [
  ['minimum', (value) => `from ${value}`],
  ['exclusiveMinimum', (value) => `over ${value}`],
  ['maximum', (value) => `to ${value}`],
  ['exclusiveMaximum', (value) => `under ${value}`],
  ['multipleOf', (value) => `a multiple of ${value}`],
  ['minLength', (value) => (value === 1 ? 'not empty' : `at least ${value} characters`)],
  ['maxLength', (value) => `at most ${value} characters`],
  ['maxItems', (value) => `at most ${value}`],
  ['default', (value) => `${JSON.stringify(value)} by default`],
];

/** What no program would go beyond is not worth telling. */
function boundsOf(schema: Schema): string[] {
  const told = BOUNDS.filter(
    ([key]) => key in schema && Math.abs(Number(schema[key])) !== Number.MAX_SAFE_INTEGER,
  );
  const bounds = told.map(([key, show]) => show(schema[key]));
  // With a format the pattern says the same, at length.
  return typeof schema.pattern === 'string' && schema.format === undefined
    ? [...bounds, `as ${schema.pattern}`]
    : bounds;
}

/** What a reference means; beside it a description may stand. */
function resolve(schema: unknown, lookUp: LookUp): Schema {
  let known: Schema = isObject(schema) ? schema : {};
  for (let step = 0; typeof known.$ref === 'string' && step < 8; step += 1) {
    const { $ref, ...beside } = known;
    known = { ...((lookUp($ref as string) as Schema | undefined) ?? {}), ...beside };
  }
  return known;
}
