/** What the fetcher sends where queues have credits: at an embedded Faktory, its jobs kept here. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { Lanes } from '../../src/connection/lanes.ts';
import { helloOf, resolveLink } from '../../src/connection/options.ts';
import { Pusher } from '../../src/pushing/pusher.ts';
import { startFaktory, type TestFaktory } from '../../src/testing/test-faktory.ts';
import { type Charge, Credits } from '../../src/worker/credits.ts';
import { Fetcher, type FetcherOptions } from '../../src/worker/fetcher.ts';
import { FetchPlan } from '../../src/worker/plan.ts';
import { until } from '../helpers/until.ts';

let faktory: TestFaktory;
let client: Client;
const ends: (() => Promise<void> | void)[] = [];

beforeEach(async () => {
  faktory = await startFaktory();
  client = new Client({ url: faktory.url, logger: false });
});

afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
  await client.close();
  await faktory.stop();
});

async function newFetcher(queues: readonly string[], slots: number, more: Partial<FetcherOptions> = {}) {
  const { logger: _logger, ...link } = resolveLink({ url: faktory.url, logger: false });
  const shared = { ...link, hello: helloOf('w1', []), deadlineMs: 7_000 };
  const control = new Lanes(shared);
  const credits = new Credits();
  const plan = new FetchPlan(slots, 0, 4);
  /** By queue, the jobs that have come. */
  const jobs = new Map<string, number>();
  const state = { running: 0, onJob: (charge?: Charge): void => charge?.release() };
  const fetcher = new Fetcher({
    lanes: shared,
    maxLanes: 4,
    plan,
    pusher: new Pusher(control, { maxLanes: 1, deliveryTimeoutMs: 30_000 }),
    credits,
    nextQueues: () => queues,
    planState: () => ({ running: state.running, ready: 0, outboxFull: false }),
    onJob: ({ queue }, _writtenAt, _now, charge) => {
      jobs.set(queue, (jobs.get(queue) ?? 0) + 1);
      state.onJob(charge);
    },
    onToken: () => {},
    onUnreadable: () => {},
    onRefused: () => {},
    onStranded: () => {},
    ...more,
  });
  ends.push(() => {
    fetcher.destroy();
    control.destroy();
  });
  await control.acquire(Number.POSITIVE_INFINITY);
  return { fetcher, credits, state, of: (queue: string) => jobs.get(queue) ?? 0 };
}

const push = (queue: string, count: number) =>
  client.pushBulk(Array.from({ length: count }, () => ({ jobtype: 'call', queue })));

describe('a queue that has its credit back while another one is empty', () => {
  it('is fetched by several FETCHes at once; and few wait for the other one meanwhile', async () => {
    const { fetcher, credits, state, of } = await newFetcher(['calls', 'default'], 50);
    let [left, most] = [300, 0];
    credits.limit('calls', () => left);
    state.onJob = (charge) => {
      left -= 1;
      most = Math.max(most, credits.usedBy('calls'));
      charge?.release();
    };
    await push('calls', 400);
    fetcher.start();
    await until(() => left === 0 && credits.usedBy('calls') === 0 && fetcher.outstanding > 0);
    // What the busy queue has shown to be of use says nothing of the other.
    expect(fetcher.outstanding).toBe(1);
    [left, most] = [100, 0];
    fetcher.refillSoon();
    await until(() => of('calls') === 400);
    expect(most).toBeGreaterThan(1);
    // The one that waits for the other queue brings its job.
    await push('default', 1);
    await until(() => of('default') === 1);
  });

  it('does not wait behind a FETCH for a third, idle one that may have one job at a time', async () => {
    const { fetcher, credits, of } = await newFetcher(['calls', 'idle', 'default'], 50);
    credits.limit('calls', 1);
    credits.limit('idle', 1);
    await push('calls', 200);
    fetcher.start();
    await until(() => of('calls') >= 100);
    await push('idle', 1);
    await until(() => of('calls') === 200 && of('idle') === 1);
  });

  it('is fetched beside those that wait, however few the plan wants, and by another lane where all are taken', async () => {
    const { fetcher, credits } = await newFetcher(['a', 'b', 'c', 'default'], 50);
    const most: Record<string, number> = { a: 0, b: 1, c: 0 };
    for (const queue of ['a', 'b', 'c']) credits.limit(queue, () => most[queue]!);
    fetcher.start();
    await until(() => fetcher.outstanding === 1);
    most.a = 1;
    fetcher.refillSoon();
    await until(() => fetcher.outstanding === 2 && fetcher.laneCount === 2);
    Object.assign(most, { a: 2, b: 2, c: 1 });
    fetcher.refillSoon();
    await until(() => fetcher.outstanding === 3);
    expect(fetcher.laneCount).toBe(3);
  });

  it('has a place left for its job where few are, by those that wait for the other', async () => {
    const { fetcher, credits, state, of } = await newFetcher(['calls', 'default'], 2);
    let left = 0;
    credits.limit('calls', () => left);
    await push('calls', 1);
    await push('default', 20);
    fetcher.start();
    // By now many FETCHes for it have been answered at once.
    await until(() => of('default') === 20 && fetcher.outstanding > 0);
    expect([fetcher.outstanding, state.running]).toEqual([1, 0]);
    left = 1;
    fetcher.refillSoon();
    await until(() => fetcher.outstanding === 2 || of('calls') === 1);
    await until(() => of('calls') === 1);
  });
});

it('counts FETCHes for batches beside those for slots', async () => {
  let room = 0;
  const batches = { queues: new Map([['batched', 100]]), gathered: 0, running: 1, roomOf: () => room };
  const { fetcher, credits, state } = await newFetcher(['batched', 'default'], 2, { batches });
  credits.limit('batched', 100, 'batches');
  state.running = 2;
  fetcher.start();
  await until(() => fetcher.laneCount === 2);
  room = 100;
  fetcher.refillSoon();
  await until(() => fetcher.outstanding === 2);
  // One lane is kept from them.
  expect(fetcher.laneCount).toBe(3);
  // Slots are free again: as many more may be out for them.
  state.running = 0;
  fetcher.refillSoon();
  await until(() => fetcher.outstanding === 4);
});
