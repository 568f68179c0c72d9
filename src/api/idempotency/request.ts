/** From the header Idempotency-Key to what a store keeps. Pure. */
import { hash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { PARTITION_KEY_HEADER } from '../partition-key.ts';
import { Problem } from '../problem.ts';

const KEY = /^[\x20-\x7e]{1,255}$/;
/** Of a hash in base64url: 144 bits, as many as a jid may well have. */
const ID_LENGTH = 24;

/** Whether the request has the header, whatever it says: the cheap look that every request gets. */
export function hasKey({ headers }: FastifyRequest): boolean {
  return headers['idempotency-key'] !== undefined;
}

/**
 * The id of a request's key, which is the jid of its job, too: a hash, so that the key itself is kept nowhere. The
 * same key of two tokens makes two ids. Throws IDEMPOTENCY_KEY_INVALID.
 */
export function idOf({ headers, raw, caller }: FastifyRequest): string {
  const key = headers['idempotency-key'];
  // Node joins what is sent twice: `a, b`.
  if (typeof key !== 'string' || !KEY.test(key) || countOf(raw.rawHeaders) > 1)
    throw new Problem('IDEMPOTENCY_KEY_INVALID');
  // Undefined where no token is asked for.
  return digest(`${caller ?? ''}\n${key}`);
}

/**
 * What the request asks for: its address, its Partition-Key and its JSON, however that is spaced and whatever the order of its keys.
 * The body is JSON no deeper than json-text.ts lets it be.
 */
export function fingerprintOf({ routeOptions, params, body, headers }: FastifyRequest): string {
  const partition = headers[PARTITION_KEY_HEADER];
  const address = [routeOptions.url, params, ...(partition === undefined ? [] : [partition])];
  return digest(`${JSON.stringify(address)}\n${canonicalJson(body)}`);
}

/** JSON with the keys of each object in order: many languages write them in another one each time. */
function canonicalJson(body: unknown): string | undefined {
  return JSON.stringify(body, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function digest(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, ID_LENGTH);
}

function countOf(rawHeaders: readonly string[]): number {
  return rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'idempotency-key').length;
}
