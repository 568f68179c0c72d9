/** The server's side of the handshake: the greeting, and what a HELLO must prove. */
import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { type Hi, PROTOCOL_VERSION, passwordHash } from '../protocol/handshake.ts';
import { simpleReply } from '../protocol/replies.ts';
import { asInteger, asString, asStrings, parseFields } from './job/json-decode.ts';

const MIN_ITERATIONS = 4000;
const MORE_ITERATIONS = 4096;
const SALT_BYTES = 8;

/** What a HELLO comes to. `malformed` ones get no answer at all. */
export type HelloVerdict =
  | { kind: 'welcome'; wid: string }
  | { kind: 'malformed' }
  | { kind: 'wrong password' };

/** With a password each connection gets a salt and a number of rounds of its own. */
export function newGreeting(password: string | undefined): Hi {
  if (password === undefined || password === '') return { v: PROTOCOL_VERSION };
  return {
    v: PROTOCOL_VERSION,
    i: MIN_ITERATIONS + randomInt(MORE_ITERATIONS),
    s: randomBytes(SALT_BYTES).toString('hex'),
  };
}

export const greetingReply = (hi: Hi): string => simpleReply(`HI ${JSON.stringify(hi)}`);

/** Judges the first line of a connection. */
export function judgeHello(line: string, hi: Hi, password: string | undefined): HelloVerdict {
  if (!line.startsWith('HELLO {')) return { kind: 'malformed' };
  let wid: string;
  let pwdhash: string;
  let version: number;
  try {
    const fields = parseFields(line.slice('HELLO '.length), 'server.ClientData');
    wid = asString(fields.get('wid') ?? '', 'wid');
    pwdhash = asString(fields.get('pwdhash') ?? '', 'pwdhash');
    version = asInteger(fields.get('v') ?? 0, 'v', 'uint8');
    asString(fields.get('hostname') ?? '', 'hostname');
    asInteger(fields.get('pid') ?? 0, 'pid');
    asStrings(fields.get('labels') ?? [], 'labels');
  } catch {
    return { kind: 'malformed' };
  }
  if (version < 0 || version > 255) return { kind: 'malformed' };
  if (hi.s === undefined || hi.i === undefined || password === undefined) return { kind: 'welcome', wid };
  const expected = Buffer.from(passwordHash(password, hi.s, version < 2 ? 1 : hi.i));
  const given = Buffer.from(pwdhash);
  const proven = given.length === expected.length && timingSafeEqual(given, expected);
  return proven ? { kind: 'welcome', wid } : { kind: 'wrong password' };
}
