/** The handshake: Faktory says HI, the client answers HELLO with the hash of the password if one is asked for. */
import { createHash } from 'node:crypto';
import { MillraceError } from '../errors.ts';
import { shown } from './shown.ts';

export const PROTOCOL_VERSION = 2;

/** Faktory asks for 4,000 to 8,095 rounds; more than this would only burn our CPU. */
const MAX_ITERATIONS = 100_000;

/** What Faktory greets with; `s` and `i` (salt, rounds) only when it wants a password. */
export interface Hi {
  v: number;
  s?: string;
  i?: number;
}

/** What a client introduces itself with; only workers have a `wid`. */
export interface Hello {
  v: number;
  hostname: string;
  wid?: string;
  pid?: number;
  labels?: string[];
  pwdhash?: string;
}

/** Reads the text of the first reply (`HI {"v":2}`); throws PROTOCOL_VIOLATION or FAKTORY_VERSION. */
export function parseHi(text: string): Hi {
  if (!text.startsWith('HI ')) throw noFaktory(text);
  let hi: unknown;
  try {
    hi = JSON.parse(text.slice(3));
  } catch {
    throw noFaktory(text);
  }
  if (typeof hi !== 'object' || hi === null) throw noFaktory(text);
  const { v, s, i } = hi as Record<string, unknown>;
  if (v !== PROTOCOL_VERSION) {
    throw new MillraceError(
      'FAKTORY_VERSION',
      `Faktory speaks protocol version ${String(v)}, millrace speaks 2`,
    );
  }
  if (s === undefined) return { v };
  if (
    typeof s !== 'string' ||
    !Number.isSafeInteger(i) ||
    (i as number) < 1 ||
    (i as number) > MAX_ITERATIONS
  ) {
    throw noFaktory(text);
  }
  return { v, s, i: i as number };
}

/**
 * The hash that proves the password: SHA-256 over password and salt, then again over the digest, `iterations`
 * times in all, in lower-case hex.
 */
export function passwordHash(password: string, salt: string, iterations: number): string {
  let digest = createHash('sha256').update(`${password}${salt}`).digest();
  for (let round = 1; round < iterations; round += 1) digest = createHash('sha256').update(digest).digest();
  return digest.toString('hex');
}

/** Completes a HELLO with the proof that the greeting asks for; throws FAKTORY_PASSWORD when there is none. */
export function answerHi(hi: Hi, hello: Hello, password: string | undefined): Hello {
  if (hi.s === undefined || hi.i === undefined) return hello;
  if (password === undefined || password === '') {
    throw new MillraceError(
      'FAKTORY_PASSWORD',
      'Faktory wants a password: set FAKTORY_PASSWORD, or put it in FAKTORY_URL',
    );
  }
  return { ...hello, pwdhash: passwordHash(password, hi.s, hi.i) };
}

function noFaktory(text: string): MillraceError {
  return new MillraceError(
    'PROTOCOL_VIOLATION',
    `the peer is no Faktory: it greeted with ${JSON.stringify(shown(text, 64))}`,
  );
}
