import { expect, it } from 'vitest';
import { HeldJob } from '../../src/worker/held-job.ts';
import { leaseOf } from '../../src/worker/lease.ts';
import { queueRank } from '../../src/worker/queues.ts';
import { ReadyJobs } from '../../src/worker/ready-jobs.ts';

const NOW = { steady: 0, wall: 0 };
const job = (jid: string, queue: string): HeldJob =>
  new HeldJob({ jid, jobtype: 'any', args: [], queue }, leaseOf(60, 0, NOW), 0);

function drain(ready: ReadyJobs): string[] {
  const jids: string[] = [];
  for (let held = ready.shift(); held !== undefined; held = ready.shift()) jids.push(held.job.jid);
  return jids;
}

function filled(ready: ReadyJobs): ReadyJobs {
  for (const [jid, queue] of [
    ['low 1', 'low'],
    ['high 1', 'high'],
    ['low 2', 'low'],
    ['odd', 'elsewhere'],
    ['high 2', 'high'],
  ] as const)
    ready.push(job(jid, queue));
  return ready;
}

it('gives those of the first queue first, each queue’s in their order', () => {
  const ready = filled(new ReadyJobs(queueRank(['high', 'low'])));
  expect(ready.size).toBe(5);
  expect(drain(ready)).toEqual(['high 1', 'odd', 'high 2', 'low 1', 'low 2']);
  expect(ready.size).toBe(0);
});

it.each([[{ high: 3, low: 1 }], [() => ['high', 'low']]])(
  'gives them as they came where the order is not strict',
  (queues) => {
    const ready = filled(new ReadyJobs(queueRank(queues)));
    expect(drain(ready)).toEqual(['low 1', 'high 1', 'low 2', 'odd', 'high 2']);
  },
);

it('takes out what is chosen, and keeps the order of the rest', () => {
  const ready = filled(new ReadyJobs(queueRank(['high', 'low'])));
  const taken = ready.take(({ job: { jid } }) => jid.endsWith('1'));
  expect(taken.map(({ job: { jid } }) => jid)).toEqual(['high 1', 'low 1']);
  expect(ready.size).toBe(3);
  expect(drain(ready)).toEqual(['odd', 'high 2', 'low 2']);
});
