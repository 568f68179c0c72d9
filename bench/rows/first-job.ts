/** Row 9: from the push to the start of the handler, when there was nothing to do before. Both are as far away. */
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'millrace';
import { startRelayProcess } from '../../test/helpers/relay-process.ts';
import { until } from '../../test/helpers/until.ts';
import { startReal } from '../stage.ts';
import { spreadOf } from '../table.ts';
import type { Row } from './row.ts';
import { clock, RowWorker } from './worker.ts';

const PUSHES = 20;
/** Between two pushes: a FETCH waits two seconds, so they meet it at every age. */
const IDLE_MS = { least: 500, most: 1_100 };

export const firstJob: Row = {
  ids: ['9'],
  takes: 40,
  async measure({ note, faktoryVersion }) {
    for (const roundTripMs of [0, 50]) {
      await using faktory = await startReal(faktoryVersion);
      await using relay = await startRelayProcess(faktory.url, { delayMs: roundTripMs / 2 });
      const took: number[] = [];
      await using _worker = await RowWorker.start({ url: relay.url, concurrency: 500 }, (ms) =>
        took.push(ms),
      );
      await using client = new Client({ url: relay.url, logger: false });
      await client.connect();
      const roundTrips: number[] = [];
      for (let i = 0; i <= PUSHES; i += 1) {
        await pause(IDLE_MS.least + ((IDLE_MS.most - IDLE_MS.least) * i) / PUSHES);
        roundTrips.push(await client.ping());
        const before = took.length;
        await client.push({ jobtype: 'stamp', args: [clock()], retry: 0 });
        await until(() => took.length > before, { everyMs: 1, what: 'a job that was pushed' });
      }
      // The first one compiles what the others run.
      const { median, max } = spreadOf(took.slice(1));
      const way = spreadOf(roundTrips.slice(1)).median;
      const line = (what: string, target = '', digits = 1) => ({ row: '9', what, target, digits });
      note(line(`real, ${roundTripMs} ms: round trip, ms`), way);
      note(
        line(`real, ${roundTripMs} ms: push to handler after idle, median, less the round trip, ms`, '2'),
        median - way,
      );
      note(line(`real, ${roundTripMs} ms: push to handler after idle, the slowest of ${PUSHES}, ms`), max);
    }
  },
};
