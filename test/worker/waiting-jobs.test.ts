import { expect, it, vi } from 'vitest';
import { HeldBatch } from '../../src/worker/batches/held-batch.ts';
import type { Breakers } from '../../src/worker/breakers.ts';
import type { GivingBack } from '../../src/worker/giving-back.ts';
import { HeldJob } from '../../src/worker/held-job.ts';
import { leaseOf, nowOnBothClocks } from '../../src/worker/lease.ts';
import type { Limits } from '../../src/worker/limits/limits.ts';
import { ReadyJobs } from '../../src/worker/ready-jobs.ts';
import { Slots } from '../../src/worker/slots.ts';
import { WaitingJobs } from '../../src/worker/waiting-jobs.ts';

const NO_LIMITS = {
  parked: 0,
  next: () => undefined,
  holdsBack: () => false,
  leave: () => {},
  take: () => [],
} as unknown as Limits;

/** One slot, which a job has taken. */
function stage() {
  const given: string[] = [];
  const onStale = vi.fn();
  const slots = new Slots(1, 60_000, new ReadyJobs(), NO_LIMITS, {
    onStart: () => {},
    onExpired: () => {},
    onSlow: () => {},
    onZombies: () => {},
  });
  const waiting = new WaitingJobs({
    slots,
    givingBack: { give: async ({ job }: HeldJob) => given.push(job.jid) } as unknown as GivingBack,
    breakers: {} as Breakers,
    stopping: new AbortController().signal,
    roundTripMs: () => 1,
    onStale,
  });
  const now = nowOnBothClocks();
  const add = (jid: string): void => {
    const job = { jid, jobtype: 'add', queue: 'default', args: [] };
    slots.add(new HeldJob(job, leaseOf(600, now.steady, now), now.steady), now);
  };
  add('runs');
  const sweepAfter = (ms: number): void => waiting.sweep({ steady: now.steady + ms, wall: now.wall + ms });
  return { slots, add, given, onStale, sweepAfter, now };
}

it('a job that waits for long while no slot is freed is handed back', () => {
  const { add, given, onStale, sweepAfter } = stage();
  add('waits');
  sweepAfter(2_000);
  expect(given).toEqual([]);
  sweepAfter(2_001);
  expect(given).toEqual(['waits']);
  expect(onStale).toHaveBeenCalledOnce();
});

it('but not a batch: it holds no jobs yet, and those that it is for are looked after where they are gathered', () => {
  const { slots, onStale, sweepAfter, now } = stage();
  const onLeft = vi.fn();
  slots.add(new HeldBatch({ jobtype: 'point', queue: 'points' }, now.steady, onLeft), now);
  sweepAfter(600_000);
  expect(slots.ready).toBe(1);
  expect(onLeft).not.toHaveBeenCalled();
  expect(onStale).not.toHaveBeenCalled();
});
