/** Row 2: the real Faktory 50 ms away, 500 slots, and how soon a worker is at full speed. */
import { type Figure, measure } from '../cell.ts';
import { MILLRACE, type Peer } from '../peers.ts';
import { rateOfFirst, rateOfLast, secondsToFullSpeed } from '../ramp.ts';
import { Stage, startReal, type Ways } from '../stage.ts';
import type { Row } from './row.ts';

const CONCURRENCY = 500;
const ROUND_TRIP_MS = 50;
const LENGTH = { jobs: 80_000, seconds: 10 };
/** BullMQ fetches a job for each slot, one after another, before it starts the first: 25 s at 50 ms. */
const BULLMQ_LENGTH = { jobs: 150_000, seconds: 15 };
const FIRST_MS = 10_000;

export const realFar: Row = {
  ids: ['2'],
  takes: 130,
  async measure({ note, peers, faktoryVersion }) {
    await using stage = await Stage.build(await startReal(faktoryVersion), peers);
    const near = await run(stage, 0, MILLRACE);
    const line = (what: string, target = '', digits = 0) => ({ row: '2', what, target, digits });
    note(line('real, 0 ms, 500 slots: millrace, jobs/s (the ceiling)'), near.jobsPerSecond);
    await using ways = await stage.ways(ROUND_TRIP_MS);
    const far = await runOver(ways, MILLRACE);
    note(line('real, 50 ms, 500 slots: millrace, jobs/s'), far.jobsPerSecond);
    note(line('real, 50 ms: millrace ÷ itself at 0 ms', '0.95', 2), far.jobsPerSecond / near.jobsPerSecond);
    note(line('real, 50 ms: s to full speed', 'under 2', 1), secondsToFullSpeed(far.samples));
    note(line(inFirst('millrace')), rateOfFirst(far.samples, FIRST_MS));
    for (const peer of peers.filter(({ name }) => !name.startsWith('millrace'))) {
      const figure = await runOver(ways, peer);
      const full = secondsToFullSpeed(figure.samples);
      const rate = peer.name === 'bullmq' ? rateOfLast(figure.samples, FIRST_MS) : figure.jobsPerSecond;
      note(line(`real, 50 ms, 500 slots: ${peer.name}, jobs/s${RAMPED[peer.name] ?? ''}`), rate);
      note(line(`real, 50 ms: ${peer.name}, s to full speed`, '', 1), full);
      note(
        line(`real, 50 ms: millrace ÷ ${peer.name}`, TARGETS[peer.name] ?? '', 2),
        far.jobsPerSecond / rate,
      );
      if (peer.name === 'bullmq') note(line(inFirst(peer.name)), rateOfFirst(figure.samples, FIRST_MS));
    }
  },
};

const inFirst = (name: string): string => `real, 50 ms, 500 slots: ${name}, jobs/s in the first 10 s`;
const TARGETS: Readonly<Record<string, string>> = {
  faktory_worker_go: '2; 2.5 is the stretch',
  bullmq: 'over 1',
};
/** BullMQ's is what it came to in the end, in Redis alone. */
const RAMPED: Readonly<Record<string, string>> = { bullmq: ' in its last 10 s' };

async function run(stage: Stage, roundTripMs: number, peer: Peer): Promise<Figure> {
  await using ways = await stage.ways(roundTripMs);
  return await runOver(ways, peer);
}

function runOver(ways: Ways, peer: Peer): Promise<Figure> {
  const length = peer.name === 'bullmq' ? BULLMQ_LENGTH : LENGTH;
  return measure({ ...length, peer, place: ways.to(peer), concurrency: CONCURRENCY });
}
