/** Fifty workers in the test's own process, and what happens when Faktory comes back to all of them at once. */
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from '../../src/worker/worker.ts';
import { until } from '../helpers/until.ts';
import type { Ledger } from './ledger.ts';
import type { Stage } from './stage.ts';

const WORKERS = 50;
const SOCKETS_EACH = 8;
/** The client's are beside them. */
export const MOST_SOCKETS = WORKERS * SOCKETS_EACH + 64;

/** Workers with a budget of sockets each, that write their runs into the ledger; up and welcomed. */
export async function startFleet(ledger: Ledger, url: string): Promise<Worker[]> {
  const fleet = Array.from({ length: WORKERS }, () =>
    new Worker({
      url,
      concurrency: 10,
      maxConnections: SOCKETS_EACH,
      logger: false,
      trapSignals: false,
    }).handle('run', (ctx) => {
      ledger.started(ctx.id);
      ledger.ended(ctx.id);
    }),
  );
  await Promise.all(fleet.map((worker) => worker.work()));
  return fleet;
}

/** Cuts all of them off at the same moment, for so long; notes how they come back. */
export async function cutOffAll({ ledger, relay }: Stage, fleet: Worker[], awayMs: number): Promise<void> {
  const before = relay.accepted;
  if (awayMs > 0) await relay.refuse(true);
  relay.cut({ reset: true });
  await until(() => fleet.every((worker) => !worker.connected));
  await pause(awayMs);
  if (awayMs > 0) await relay.refuse(false);
  ledger.cleared();
  const back = new Map<Worker, number>();
  const allBack = (): boolean => {
    for (const worker of fleet) {
      if (worker.connected && !back.has(worker)) back.set(worker, performance.now());
    }
    return back.size === fleet.length;
  };
  await until(allBack, { timeoutMs: 60_000 });
  const times = [...back.values()];
  ledger.note('ms from the first worker to the last', Math.round(Math.max(...times) - Math.min(...times)));
  ledger.note('sockets within 50 ms at most', mostWithin(relay.acceptedAt.slice(before), 50));
}

/** How many of the times lie within so many ms of one another, at most. */
function mostWithin(times: readonly number[], ms: number): number {
  return Math.max(
    0,
    ...times.map((time) => times.filter((other) => other >= time && other < time + ms).length),
  );
}
