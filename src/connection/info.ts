/**
 * INFO, asked sparingly: Faktory walks a map for it that it does not lock, and one asked at the wrong moment ends the
 * whole server. So a process asks at most once in 15 s, whoever wants to know; the answer is shared.
 */
import { MillraceError } from '../errors.ts';
import { infoCommand } from '../protocol/commands.ts';
import type { FaktoryInfo } from '../protocol/info.ts';
import { type Address, showAddress } from './address.ts';
import { request } from './command.ts';
import type { Connection } from './connection.ts';
import type { Lanes } from './lanes.ts';

const MAX_AGE_MS = 15_000;

interface Asked {
  readonly at: number;
  readonly answer: Promise<FaktoryInfo>;
}

/** The latest answer, one under way, or how it failed, by address; one of a process, whatever connects in it. */
const asked = new Map<string, Asked>();

export interface KnownInfo {
  readonly info: FaktoryInfo;
  /** When it was asked (ms, monotonic). */
  readonly askedAt: number;
}

/**
 * INFO of the Faktory there, up to 15 s old. Rejects with FAKTORY_UNREACHABLE or as the command does: then so do all
 * who ask within the 15 s, since one whose answer was lost may be the very one that ended Faktory.
 */
export async function askInfo(address: Address, lanes: Lanes): Promise<KnownInfo> {
  const key = showAddress(address);
  const now = performance.now();
  let latest = asked.get(key);
  if (latest === undefined || now - latest.at >= MAX_AGE_MS) {
    const lane = lanes.idlest();
    // Nothing is asked: the next may try at once.
    if (lane === undefined) throw lanes.fault ?? new MillraceError('FAKTORY_UNREACHABLE');
    latest = { at: now, answer: ask(lane) };
    asked.set(key, latest);
  }
  return { info: await latest.answer, askedAt: latest.at };
}

/** When INFO may be asked again, in ms from now. */
export function infoWaitMs(address: Address): number {
  const latest = asked.get(showAddress(address));
  return latest === undefined ? 0 : Math.max(0, latest.at + MAX_AGE_MS - performance.now());
}

async function ask(lane: Connection): Promise<FaktoryInfo> {
  return JSON.parse((await request(lane, infoCommand())) ?? '{}') as FaktoryInfo;
}
