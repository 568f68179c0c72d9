/** Row 6: sockets under load, and once there is nothing to do. */
import { setTimeout as pause } from 'node:timers/promises';
import { startRelayProcess } from '../../test/helpers/relay-process.ts';
import { fill } from '../fill.ts';
import { startReal } from '../stage.ts';
import type { Row } from './row.ts';
import { RowWorker } from './worker.ts';

const JOBS = 60_000;
const LOAD_LIMIT_MS = 60_000;
/** Lanes are given up for what ten seconds have not needed. */
const IDLE_MS = 25_000;
const CASES = [
  { concurrency: 500, peak: '40' },
  { concurrency: 2_000, peak: '64' },
] as const;

export const sockets: Row = {
  ids: ['6'],
  takes: 85,
  async measure({ note, faktoryVersion }) {
    for (const { concurrency, peak } of CASES) {
      await using faktory = await startReal(faktoryVersion);
      await using relay = await startRelayProcess(faktory.url, { delayMs: 25 });
      await fill(faktory.url, JOBS);
      await using worker = await RowWorker.start({ url: relay.url, concurrency });
      let most = 0;
      const until = performance.now() + LOAD_LIMIT_MS;
      while ((await worker.ask('done')) < JOBS && performance.now() < until) {
        most = Math.max(most, (await relay.counts()).connections);
        await pause(20);
      }
      await pause(IDLE_MS);
      const idle = (await relay.counts()).connections;
      const what = `real, 50 ms, ${concurrency} slots: sockets`;
      note({ row: '6', what: `${what} under load, at most`, target: `${peak} or fewer` }, most);
      note({ row: '6', what: `${what} of an idle worker`, target: '6 or fewer' }, idle);
    }
  },
};
