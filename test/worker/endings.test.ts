/** What the end of a handler means for the report of its job. */
import { expect, it, vi } from 'vitest';
import { Endings, type EndingsOptions } from '../../src/worker/endings.ts';
import { HeldJob } from '../../src/worker/held-job.ts';
import { JobTallies } from '../../src/worker/job-tally.ts';
import { leaseOf } from '../../src/worker/lease.ts';

const START = { steady: 1_000_000, wall: 1_000_000 };
const later = (ms: number) => ({ steady: START.steady + ms, wall: START.wall + ms });

/** A job that runs, with a reservation of a minute, and what may be told of it. */
function ending(result: unknown) {
  const job = { jid: 'job-jid-1', jobtype: 'add', queue: 'default', args: [] };
  const held = new HeldJob(job, leaseOf(60, START.steady, START), START.steady);
  held.moveTo('running');
  const told = { ack: vi.fn(), late: vi.fn(), result: vi.fn() };
  const endings = new Endings({
    outbox: { ack: told.ack },
    late: { settle: told.late },
    results: { wrap: () => (result === undefined ? undefined : { text: '3' }), add: told.result },
    breakers: { record: () => {} },
    tallies: new JobTallies(),
  } as unknown as EndingsOptions);
  return {
    calls: (ms: number) => {
      endings.done(held, later(ms), result);
      return [told.ack, told.result, told.late].map((each) => each.mock.calls.length);
    },
  };
}

it.each([
  ['in time, without a result: its ACK', undefined, 10, [1, 0, 0]],
  ['in time, with one: the result first', 3, 10, [0, 1, 0]],
  ['while an ACK may still spare a second run', 3, 79_000, [0, 1, 0]],
  ['too late: Faktory gives it out again, and its result comes from there', 3, 80_000, [0, 0, 1]],
  ['too late, without a result', undefined, 80_000, [0, 0, 1]],
] as const)('%s', (_when, result, ms, calls) => {
  expect(ending(result).calls(ms)).toEqual(calls);
});
