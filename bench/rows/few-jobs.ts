/** Row 9b: FETCHes that wait while jobs come now and then. */
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'millrace';
import { startRelayProcess } from '../../test/helpers/relay-process.ts';
import { startReal } from '../stage.ts';
import type { Row } from './row.ts';
import { RowWorker } from './worker.ts';

const EVERY_MS = 100;

export const fewJobs: Row = {
  ids: ['9b'],
  takes: 65,
  async measure({ note, faktoryVersion, minute }) {
    await using faktory = await startReal(faktoryVersion);
    await using relay = await startRelayProcess(faktory.url, { delayMs: 25 });
    await using worker = await RowWorker.start({ url: relay.url, concurrency: 500 });
    await using client = new Client({ url: faktory.url, logger: false });
    await worker.ask('watchFetches');
    const startedAt = performance.now();
    for (let i = 1; i <= (minute * 1000) / EVERY_MS; i += 1) {
      await client.push({ jobtype: 'noop', args: [i], retry: 0 });
      await pause(Math.max(0, startedAt + i * EVERY_MS - performance.now()));
    }
    const { outstanding, perLane } = await worker.ask('mostFetches');
    const what = 'real, 50 ms, 10 jobs/s, 500 slots: outstanding FETCHes, at most';
    note({ row: '9b', what, target: '' }, outstanding);
    note({ row: '9b', what: `${what}, a fetch lane`, target: '2', digits: 1 }, perLane);
  },
};
