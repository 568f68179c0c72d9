/** Row 7: what a worker with nothing to do costs Faktory, its Redis and itself. */
import { setTimeout as pause } from 'node:timers/promises';
import type { RealFaktory } from '../../test/helpers/real-faktory.ts';
import { startReal } from '../stage.ts';
import { cpuMicrosOf } from './cpu-of.ts';
import type { Row } from './row.ts';
import { RowWorker } from './worker.ts';

const SETTLE_MS = 4_000;
const WATCH_MS = 10_000;

interface Load {
  /** Of a core, in percent. */
  readonly faktory: number;
  readonly worker: number;
}

export const emptyQueue: Row = {
  ids: ['7'],
  takes: 45,
  async measure({ note, faktoryVersion }) {
    await using faktory = await startReal(faktoryVersion);
    const line = (what: string, target = '', digits = 2) => ({ row: '7', what, target, digits });
    const none = await watch(faktory);
    const few = await withWorker(faktory, 8);
    const many = await withWorker(faktory, 2_000);
    const what = 'empty queue: Faktory and Redis, % of a core';
    note(line(`${what}, no worker`), none.faktory);
    note(line(`${what}, 8 slots`), few.faktory);
    note(line(`${what}, 2,000 slots`), many.faktory);
    note(line('empty queue: the same, 2,000 slots ÷ 8 slots', '1.5 or less'), many.faktory / few.faktory);
    note(line('empty queue: a worker of 2,000 slots, % of a core', 'under 1'), many.worker);
  },
};

async function withWorker(faktory: RealFaktory, concurrency: number): Promise<Load> {
  await using worker = await RowWorker.start({ url: faktory.url, concurrency });
  return await watch(faktory, worker);
}

async function watch(faktory: RealFaktory, worker?: RowWorker): Promise<Load> {
  await pause(SETTLE_MS);
  const used = async () => ({
    at: performance.now(),
    faktory: cpuMicrosOf(faktory.pid) + cpuMicrosOf(faktory.redisPid),
    worker: (await worker?.ask('cpuMicros')) ?? 0,
  });
  const from = await used();
  await pause(WATCH_MS);
  const to = await used();
  const percent = (micros: number): number => (micros / 1000 / (to.at - from.at)) * 100;
  return { faktory: percent(to.faktory - from.faktory), worker: percent(to.worker - from.worker) };
}
