/** Rows 4 and 5: the embedded Faktory, far away, with prefetch. */
import { MILLRACE } from '../peers.ts';
import { measureOnEmbedded } from './embedded-cell.ts';
import type { Row } from './row.ts';

const CASES = [
  { row: '4', roundTripMs: 50, concurrency: 500, target: 'over 40,000' },
  { row: '4', roundTripMs: 50, concurrency: 2_000, target: '100,000' },
  { row: '5', roundTripMs: 200, concurrency: 2_000, target: 'over 40,000' },
] as const;

export const overTheWay: Row = {
  ids: ['4', '5'],
  takes: 40,
  async measure({ note }) {
    for (const { row, roundTripMs, concurrency, target } of CASES) {
      const cell = { peer: MILLRACE, concurrency, jobs: 600_000, seconds: 8 };
      const { jobsPerSecond } = await measureOnEmbedded(roundTripMs, cell);
      const what = `embedded, ${roundTripMs} ms, ${concurrency} slots, prefetch: jobs/s`;
      note({ row, what, target }, jobsPerSecond);
    }
  },
};
