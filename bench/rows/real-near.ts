/** Row 1: workers side by side on the real Faktory, without a relay, which would cost some more than others. */
import { type Figure, measure } from '../cell.ts';
import { Stage, startReal } from '../stage.ts';
import type { Round, Row } from './row.ts';

const JOBS = 50_000;
const SECONDS = 8;

export const realNear: Row = {
  ids: ['1'],
  takes: 110,
  async measure(round) {
    await using stage = await Stage.build(await startReal(round.faktoryVersion), round.peers);
    await using ways = await stage.ways('direct');
    for (const concurrency of [50, 500]) {
      const figures = new Map<string, Figure>();
      for (const peer of round.peers.filter(({ name }) => name !== 'millrace-loops')) {
        const cell = { peer, place: ways.to(peer), concurrency, jobs: JOBS, seconds: SECONDS };
        const figure = await measure(cell);
        figures.set(peer.name, figure);
        const what = `real, direct, ${concurrency} slots: ${peer.name}`;
        round.note({ row: '1', what: `${what}, jobs/s`, target: '' }, figure.jobsPerSecond);
        round.note(
          { row: '1', what: `${what}, CPU µs a job`, target: '', digits: 1 },
          figure.cpuMicrosPerJob,
        );
      }
      compareWithOthers(figures, concurrency, round);
    }
  },
};

/** BullMQ has another server: it stands beside and is no Faktory worker. */
function compareWithOthers(figures: Map<string, Figure>, concurrency: number, { note }: Round): void {
  const own = figures.get('millrace');
  const others = [...figures].filter(([name]) => name !== 'millrace' && name !== 'bullmq');
  if (own === undefined || others.length === 0) return;
  const fastest = Math.max(...others.map(([, { jobsPerSecond }]) => jobsPerSecond));
  const line = (what: string, target: string) => ({
    row: '1',
    what: `real, direct, ${concurrency} slots: millrace ÷ ${what}`,
    target,
    digits: 2,
  });
  note(line('the fastest other Faktory worker, jobs/s', '1'), own.jobsPerSecond / fastest);
  for (const [name, target] of [
    ['faktory_worker_go', 'under 1'],
    ['faktory-rs', 'under 1 is the stretch'],
  ] as const) {
    const other = figures.get(name);
    if (other) note(line(`${name}, CPU a job`, target), own.cpuMicrosPerJob / other.cpuMicrosPerJob);
  }
}
