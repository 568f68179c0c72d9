/** Rows 3 and 3b: the embedded Faktory in a process of its own, directly. */
import { startEmbeddedFaktory } from '../../test/helpers/embedded-faktory.ts';
import { measure } from '../cell.ts';
import { MILLRACE, MILLRACE_EVERYTHING, type Peer } from '../peers.ts';
import type { Row } from './row.ts';

const CASES: readonly { row: string; peer: Peer; concurrency: number; rate: string; cpu: string }[] = [
  { row: '3', peer: MILLRACE, concurrency: 500, rate: '150,000', cpu: '6' },
  { row: '3', peer: MILLRACE_EVERYTHING, concurrency: 500, rate: '150,000', cpu: '6' },
  { row: '3b', peer: MILLRACE, concurrency: 50, rate: 'over 100,000', cpu: '' },
];

export const near: Row = {
  ids: ['3', '3b'],
  takes: 20,
  async measure({ note }) {
    for (const { row, peer, concurrency, rate, cpu } of CASES) {
      await using faktory = await startEmbeddedFaktory();
      const place = { url: faktory.url, directUrl: faktory.url };
      const figure = await measure({ peer, place, concurrency, jobs: 500_000, seconds: 10 });
      const what = `embedded, 0 ms, ${concurrency} slots: ${peer.name}`;
      note({ row, what: `${what}, jobs/s`, target: rate }, figure.jobsPerSecond);
      note({ row, what: `${what}, CPU µs a job`, target: cpu, digits: 1 }, figure.cpuMicrosPerJob);
    }
  },
};
