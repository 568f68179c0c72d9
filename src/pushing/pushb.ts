/** What the reply to a PUSHB says of each job; pure. */
import { BULK, type ReplyKind } from '../protocol/resp.ts';

/**
 * `stored`: Faktory has it. `refused`: it never will. `not stored`: not now, its Redis takes no writes; send it again.
 * `unknown`: it may have it or not; send it again.
 */
export type Verdict =
  | { outcome: 'stored' }
  | { outcome: 'refused' | 'not stored' | 'unknown'; reason: string };

/** The refusals that Faktory documents; any other text is a fault on its side that says nothing of the job. */
const REFUSALS = [
  'jobs must have a',
  'jobs cannot be reserved',
  "invalid timestamp for 'at'",
  'cannot get "',
  'queue names must match',
  // Faktory Enterprise: a unique job that it already has.
  'NOTUNIQUE ',
];

/** What Redis says before it writes anything: its disk or memory is full, it is a replica, it still loads. */
const NO_WRITES = ['MISCONF ', 'OOM ', 'READONLY ', 'LOADING '];

export type BulkVerdict =
  /** Verdicts by jid, of those that were not stored. */
  | { kind: 'each'; exceptions: ReadonlyMap<string, Verdict> }
  /** One of them has a wrong type, Faktory does not say which: each is to be sent again alone. */
  | { kind: 'one of them'; reason: string }
  /** Nothing is known of any. */
  | { kind: 'unknown'; reason: string };

const NONE: BulkVerdict = { kind: 'each', exceptions: new Map() };

export function readPushb(kind: ReplyKind, text: string): BulkVerdict {
  if (kind !== BULK) {
    return text.startsWith('ERR invalid JSON')
      ? { kind: 'one of them', reason: text }
      : { kind: 'unknown', reason: text };
  }
  if (text === '{}') return NONE;
  let map: unknown;
  try {
    map = JSON.parse(text);
  } catch {
    return { kind: 'unknown', reason: text };
  }
  if (typeof map !== 'object' || map === null || Array.isArray(map)) return { kind: 'unknown', reason: text };
  const exceptions = new Map<string, Verdict>();
  for (const [jid, reason] of Object.entries(map)) exceptions.set(jid, verdictOf(String(reason)));
  return { kind: 'each', exceptions };
}

function verdictOf(reason: string): Verdict {
  const startsOneOf = (texts: readonly string[]): boolean => texts.some((text) => reason.startsWith(text));
  if (startsOneOf(REFUSALS)) return { outcome: 'refused', reason };
  return { outcome: startsOneOf(NO_WRITES) ? 'not stored' : 'unknown', reason };
}
