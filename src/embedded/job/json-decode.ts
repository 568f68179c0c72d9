/**
 * JSON as Faktory reads it. It is written in Go: structs take field names in any case, null is as good as absent, and
 * a refusal bears the words of Go's decoder.
 */

/** JSON that is broken, or holds a value of the wrong type; the message is in Go's wording. */
export class JsonError extends Error {}

/** Parses; throws JsonError. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new JsonError(syntaxError((error as Error).message));
  }
}

function syntaxError(message: string): string {
  const token = /Unexpected (?:token|number|string|non-whitespace character)(?: '(.)')?/su.exec(message);
  if (token === null) return 'unexpected end of JSON input';
  return token[1] === undefined
    ? 'invalid character after top-level value'
    : `invalid character '${token[1]}' looking for beginning of value`;
}

/** Parses an object by Go's rule for structs: field names in any case, null as if absent. Throws JsonError. */
export function parseFields(text: string, goType: string): Map<string, unknown> {
  const value = parseJson(text);
  const fields = new Map<string, unknown>();
  if (value === null) return fields;
  if (typeof value !== 'object' || Array.isArray(value)) throw wrongType(value, `Go value of type ${goType}`);
  for (const [name, field] of Object.entries(value)) {
    if (field !== null) fields.set(name.toLowerCase(), field);
  }
  return fields;
}

/** The refusal of a value of the wrong type. */
export function wrongType(value: unknown, into: string): JsonError {
  return new JsonError(`json: cannot unmarshal ${kindOf(value)} into ${into}`);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** The value, which must be a string; `field` is named in the refusal. As all of these, throws JsonError. */
export function asString(value: unknown, field: string): string {
  if (typeof value !== 'string') throw wrongType(value, `Go struct field ${field} of type string`);
  return value;
}

/** A null in the list is an empty string. */
export function asStrings(value: unknown, field: string): string[] {
  if (!Array.isArray(value)) throw wrongType(value, `Go struct field ${field} of type []string`);
  return value.map((item) => (item === null ? '' : asString(item, field)));
}

/** JSON.parse has lost the difference: 1.0 passes, which Go refuses. */
export function asInteger(value: unknown, field: string, goType = 'int'): number {
  if (typeof value !== 'number') throw wrongType(value, `Go struct field ${field} of type ${goType}`);
  if (!Number.isInteger(value) || Math.abs(value) > 2 ** 63) {
    throw new JsonError(
      `json: cannot unmarshal number ${value} into Go struct field ${field} of type ${goType}`,
    );
  }
  return value;
}

/** `into` names field and type, for the refusal. */
export function asObject(value: unknown, field: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrongType(value, `Go struct field ${field}`);
  return value as Record<string, unknown>;
}
