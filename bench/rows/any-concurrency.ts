/** Row 10: the worker's CPU a job does not grow with its slots, nor with the queue. */
import { startEmbeddedFaktory } from '../../test/helpers/embedded-faktory.ts';
import { measure } from '../cell.ts';
import { MILLRACE } from '../peers.ts';
import type { Row } from './row.ts';

const JOBS = 600_000;

export const anyConcurrency: Row = {
  ids: ['10'],
  takes: 60,
  async measure({ note }) {
    const line = (what: string, target = '', digits = 2) => ({ row: '10', what, target, digits });
    const bySlots: number[] = [];
    for (const concurrency of [50, 500, 2_000]) {
      const cpu = await cpuMicros(concurrency, 1_000);
      bySlots.push(cpu);
      note(line(`embedded, ${concurrency} slots: CPU µs a job`), cpu);
    }
    note(line('embedded: CPU a job, 2,000 slots ÷ 50 slots', '1.1 or less'), bySlots[2]! / bySlots[0]!);
    note(line('embedded: CPU a job, 2,000 slots ÷ 500 slots', '1.1 or less'), bySlots[2]! / bySlots[1]!);
    const deep = await cpuMicros(500, 1_000_000);
    const what = 'embedded, 500 slots: CPU a job, a million more in the queue ÷ a thousand more';
    note(line(what, '1.1 or less'), deep / bySlots[1]!);
  },
};

/** With so many jobs left in the queue at the end. */
async function cpuMicros(concurrency: number, left: number): Promise<number> {
  await using faktory = await startEmbeddedFaktory();
  const place = { url: faktory.url, directUrl: faktory.url };
  const cell = { peer: MILLRACE, place, concurrency, jobs: JOBS, seconds: 20, left: left + 4 * concurrency };
  return (await measure(cell)).cpuMicrosPerJob;
}
