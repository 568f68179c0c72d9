import { expect, it } from 'vitest';
import type { JobFailure, JobPayload } from '../../../src/protocol/job.ts';
import { ItemsFailed } from '../../../src/worker/batches/chunked.ts';
import { FailedItems, type FailedItemsOptions } from '../../../src/worker/batches/failed-items.ts';
import { nextJid } from '../../../src/worker/hand-back.ts';
import { HeldJob } from '../../../src/worker/held-job.ts';
import { leaseOf, nowOnBothClocks } from '../../../src/worker/lease.ts';
import type { Outcome } from '../../../src/worker/retry.ts';

const MINUTE = 60_000;

/** The copies that are pushed for a job of these items, all of which fail as they say. */
async function copiesOf(
  outcomes: readonly Outcome[],
  random = ['00aa', '00bb', '00cc'],
): Promise<JobPayload[]> {
  const bytes = [...random];
  const copies: JobPayload[] = [];
  const items = new FailedItems({
    returner: {
      return: async (_held: HeldJob, make: () => readonly { json: string }[]) => {
        copies.push(...make().map(({ json }) => JSON.parse(json)));
        return 'returned';
      },
    },
    kills: { add: () => {} },
    outcomeOf: (_job: JobPayload, { message }: Error) => outcomes[Number(message)],
    onDelayed: () => {},
    onDead: () => {},
    copyOf: (job: JobPayload, options: { at?: Date; failure?: JobFailure }) => {
      const copy = { ...job, ...options, jid: nextJid(job.jid, bytes.shift()) };
      return { jid: copy.jid, queue: job.queue, json: JSON.stringify(copy), bytes: 0 };
    },
  } as unknown as FailedItemsOptions);
  const now = nowOnBothClocks();
  const job = { jid: 'abcdefgh', jobtype: 'import', queue: 'default', args: [[0, 1, 2]], retry: 3 };
  const held = new HeldJob(job, leaseOf(600, now.steady, now), now.steady);
  const failed = outcomes.map((_, at) => ({ item: at, error: new Error(String(at)) }));
  expect(await items.add(held, new ItemsFailed(failed, 9))).toBe('returned');
  return copies;
}

it('tries all that are tried again after the delay of the first of them', async () => {
  const before = Date.now();
  const [copy, ...others] = await copiesOf([
    { kind: 'delay', delayMs: 10 * MINUTE },
    { kind: 'delay', delayMs: 99 * MINUTE },
  ]);
  expect(others).toEqual([]);
  expect(copy!.args).toEqual([[0, 1]]);
  const at = Date.parse(copy!.at!);
  expect(at).toBeGreaterThanOrEqual(before + 10 * MINUTE);
  expect(at).toBeLessThan(before + 50 * MINUTE);
});

it('gives the two copies jids of their own, even where chance does not', async () => {
  const copies = await copiesOf([{ kind: 'fail' }, { kind: 'kill' }], ['00aa', '00aa', '00aa', '00bb']);
  expect(copies.map(({ jid, args }) => [jid, args])).toEqual([
    ['abcdefgh.1-00aa', [[0]]],
    ['abcdefgh.1-00bb', [[1]]],
  ]);
});
