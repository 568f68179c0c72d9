/** Row 4b: WORKER_PREFETCH=0, a slot is a fetch loop, and slots ÷ round trip the bound. */
import { MILLRACE_LOOPS } from '../peers.ts';
import { measureOnEmbedded } from './embedded-cell.ts';
import type { Row } from './row.ts';

const ROUND_TRIP_S = 0.05;
const SECONDS = 5;

export const littlesBound: Row = {
  ids: ['4b'],
  takes: 40,
  async measure({ note }) {
    for (const concurrency of [50, 100, 500, 1_000]) {
      const bound = concurrency / ROUND_TRIP_S;
      const cell = { peer: MILLRACE_LOOPS, concurrency, jobs: bound * SECONDS, seconds: SECONDS };
      const { jobsPerSecond } = await measureOnEmbedded(ROUND_TRIP_S * 1000, cell);
      const what = `embedded, 50 ms, ${concurrency} slots, WORKER_PREFETCH=0: part of ${bound.toLocaleString('en-US')} jobs/s`;
      note({ row: '4b', what, target: '0.9', digits: 3 }, jobsPerSecond / bound);
    }
  },
};
