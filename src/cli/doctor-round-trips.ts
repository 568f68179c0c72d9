/**
 * The round trip to Faktory, by BEATs as a worker measures it: BEAT touches no Redis, so it is the way that is
 * measured and not the work.
 */
import type { Connection } from '../connection/connection.ts';
import { MillraceError } from '../errors.ts';
import { beatCommand } from '../protocol/commands.ts';
import { ERROR } from '../protocol/resp.ts';

const SAMPLES = 50;
/** None begins later. */
const TIME_MS = 3_000;

/** All in ms. */
export interface RoundTrips {
  readonly samples: number;
  readonly least: number;
  readonly median: number;
  readonly p99: number;
  /** The mean difference from one to the next. */
  readonly jitter: number;
}

/** One after another on a lane that belongs to `wid`. Rejects with COMMAND_REFUSED, or as the lane is lost. */
export async function measureRoundTrips(lane: Connection, wid: string): Promise<RoundTrips> {
  // The first pays for what is loaded and compiled.
  await beat(lane, wid);
  const until = performance.now() + TIME_MS;
  const samples: number[] = [];
  do samples.push(await beat(lane, wid));
  while (samples.length < SAMPLES && performance.now() < until);
  return roundTripsOf(samples);
}

/** Of samples in the order in which they were taken, at least one. Percentiles by nearest rank. Pure. */
export function roundTripsOf(samples: readonly number[]): RoundTrips {
  const sorted = samples.toSorted((a, b) => a - b);
  const rank = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1]!;
  const steps = samples.slice(1).map((sample, i) => Math.abs(sample - samples[i]!));
  return {
    samples: samples.length,
    least: sorted[0]!,
    median: rank(0.5),
    p99: rank(0.99),
    jitter: steps.reduce((sum, step) => sum + step, 0) / Math.max(1, steps.length),
  };
}

function beat(lane: Connection, wid: string): Promise<number> {
  return new Promise((resolve, reject) => {
    lane.send(beatCommand({ wid, rss_kb: Math.round(process.memoryUsage.rss() / 1_024) }), {
      onReply(kind, text, writtenAt, arrivedAt) {
        if (kind === ERROR) reject(new MillraceError('COMMAND_REFUSED', `Faktory refused BEAT: ${text}`));
        else resolve(arrivedAt - writtenAt);
      },
      onLost: reject,
    });
    lane.flush();
  });
}
