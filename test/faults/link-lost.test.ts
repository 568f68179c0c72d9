import { expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import type { Act } from '../helpers/relay.ts';
import { until } from '../helpers/until.ts';
import { Ledger } from './ledger.ts';
import { Faults, localWorker, pauseWakeQueues, pushJobs, Watch } from './local.ts';
import { setStage } from './stage.ts';

/** Reserved for a minute, looked at each 15 s, then FAILed by Faktory: back 15 to 45 s later, and 5 s of its scan. */
const BACK_WITHIN_MS = 180_000;
const JOBS = 4_000;

/** All at once, since the reservations that they wait for take two minutes. */
describeOnRealFaktory('lanes that are lost', () => {
  it.concurrent.for(['fin', 'rst'] as const)(
    'row 17: a busy fetch lane cut by %s: what its socket was given comes back after its reservation',
    (act) => cutWhileBusy(17, act),
  );

  it.concurrent('row 14: half-open, a busy fetch lane: found by its deadline; what it was given comes back', () =>
    cutWhileBusy(14, 'blackhole'));

  it.concurrent('row 14: half-open, idle, every socket of worker and client: found by their deadlines, replaced', async () => {
    using ledger = new Ledger({ row: 14, name: 'all sockets half-open, idle' });
    await using stage = await setStage(ledger);
    const { relay, client } = stage;
    await using worker = localWorker(ledger, relay.url);
    const faults = new Faults(worker);
    await worker.work();
    await stage.push(50);
    await stage.untilAllRan();
    await until(() => worker.stats().outstanding <= 2 && worker.stats().unreported === 0);
    const { outstanding } = worker.stats();
    relay.blackhole(true);
    relay.blackhole(false);
    ledger.cleared();
    // What the client sends now goes nowhere: at its deadline the same jids go out again.
    const pushed = pushJobs(ledger, client, 50);
    await until(() => faults.count('CONNECTION_STALLED') > 0, { timeoutMs: 30_000, everyMs: 50 });
    await pushed;
    await stage.untilAllRan();
    await stage.untilDrained();
    const { stranded } = worker.stats();
    ledger.note('FETCHes out', outstanding);
    ledger.note('stranded', stranded);
    ledger.note('faults', faults.shown);
    const { lost, twice, unknown, refused } = ledger.settle();
    expect({ lost, twice, unknown, refused }).toEqual({ lost: 0, twice: 0, unknown: 0, refused: 0 });
    expect(stranded).toBeLessThanOrEqual(outstanding);
  });

  it.concurrent('row 14: half-open, busy, one ack lane: no other lane is cut, and no finished job runs again', async () => {
    using ledger = new Ledger({ row: 14, name: 'one ack lane half-open, busy' });
    await using stage = await setStage(ledger, { relay: { messages: true } });
    const { relay, faktory } = stage;
    await using client = new Client({ url: faktory.url, logger: false });
    await using worker = localWorker(ledger, relay.url, { concurrency: 200 });
    const faults = new Faults(worker);
    await worker.work();
    const load = keepPushing(ledger, client);
    await until(() => worker.stats().done > 500);
    const lost = relay.rule({ side: 'up', match: /^ACK/, nth: ledger.int(1, 100), act: 'blackhole' });
    await lost.fired;
    await until(() => faults.all.length > 0, { timeoutMs: 30_000, everyMs: 50 });
    ledger.cleared();
    const { done } = worker.stats();
    await until(() => worker.stats().done > done + 500);
    await load.stop();
    await stage.untilAllRan();
    await stage.untilDrained();
    ledger.note('late', worker.stats().late);
    ledger.note('faults', faults.shown);
    const report = ledger.settle();
    expect(report).toMatchObject({ lost: 0, twice: 0, open: 0 });
    expect(faults.count('CONNECTION_STALLED')).toBe(faults.all.length);
    // Ack lanes that were silent as long, with nothing to say, may be replaced with it; fetch lanes are not.
    expect(worker.stats()).toMatchObject({ stranded: 0, late: 0, unreported: 0 });
  });

  it.concurrent('row 14: a deep pipeline on an empty queue is not taken for half-open', async () => {
    using ledger = new Ledger({ row: 14, name: 'deep pipeline on an empty queue' });
    await using stage = await setStage(ledger, { relay: { messages: true, delayMs: 25 } });
    const { relay, faktory } = stage;
    await using client = new Client({ url: faktory.url, logger: false });
    // With the wake queues paused no token can end a wait: each FETCH takes its two seconds, one after another.
    await pauseWakeQueues(faktory);
    await pushJobs(ledger, client, 6_000);
    await using worker = localWorker(ledger, relay.url, { concurrency: 300 });
    const faults = new Faults(worker);
    await worker.work();
    await until(() => ledger.acceptedCount === worker.stats().done, { timeoutMs: 30_000 });
    const { outstanding, fetchLanes } = worker.stats();
    const nils = new Watch(relay, 'down', /^\$-1/);
    const tokens = new Watch(relay, 'up', /^PUSHB .*millrace-wake/);
    const start = performance.now();
    // Twice the deadline of a fetch lane, and no lane has answered half of its FETCHes.
    await until(() => performance.now() - start > 15_000, { timeoutMs: 60_000, everyMs: 100 });
    const left = worker.stats().outstanding;
    await pushJobs(ledger, client, 20);
    await stage.untilAllRan();
    await client.send(['QUEUE', 'RESUME', '*']);
    ledger.note('FETCHes out', outstanding);
    ledger.note('fetch lanes', fetchLanes);
    ledger.note('still out after 15 s', left);
    ledger.note('empty replies', nils.count);
    const pushed = tokens.seen.reduce(
      (sum, text) => sum + text.split('"queue":"millrace-wake').length - 1,
      0,
    );
    ledger.note('tokens that could not come', pushed);
    ledger.note('faults', faults.shown);
    const { lost, twice } = ledger.settle();
    expect({ lost, twice }).toEqual({ lost: 0, twice: 0 });
    expect(left).toBeGreaterThan(fetchLanes);
    // Three tries for each, and one when its lane is given up: they gather in a paused queue.
    expect(pushed).toBeLessThanOrEqual(4 * outstanding);
    expect(faults.all).toEqual([]);
    // Idle ack lanes are given up meanwhile: none is lost.
    expect(Object.values(worker.stats().lanes).map(({ lost: cut }) => cut)).toEqual([0, 0, 0]);
  });
});

/** About 200 jobs a second. */
function keepPushing(ledger: Ledger, client: Client): { stop(): Promise<void> } {
  let pushing = Promise.resolve();
  const timer = setInterval(() => {
    pushing = Promise.all([pushing, pushJobs(ledger, client, 10)]).then(() => {});
  }, 50);
  return {
    stop: () => {
      clearInterval(timer);
      return pushing;
    },
  };
}

async function cutWhileBusy(row: number, act: Act): Promise<void> {
  using ledger = new Ledger({ row, name: `one fetch lane ${act}, busy` });
  await using stage = await setStage(ledger, { relay: { messages: true, delayMs: 10 } });
  const { relay, faktory } = stage;
  await using client = new Client({ url: faktory.url, logger: false });
  await pushJobs(ledger, client, JOBS, { reserve_for: 60 });
  await using worker = localWorker(ledger, relay.url, { concurrency: 100 });
  const faults = new Faults(worker);
  // The kth reply with a job: its lane has d FETCHes out, and the queue has jobs for all of them.
  const k = ledger.int(1_000, 2_000);
  const cut = relay.rule({ side: 'down', match: /^\$\d\d/, nth: k, act });
  await worker.work();
  await cut.fired;
  const cutAt = Date.now();
  await until(() => worker.stats().stranded > 0, { timeoutMs: 30_000, everyMs: 20 });
  const { stranded } = worker.stats();
  const foundAfter = Date.now() - cutAt;
  await stage.untilAllRan({ timeoutMs: BACK_WITHIN_MS });
  const late = ledger.runs().filter(({ what, at }) => what === 'start' && at > cutAt + 50_000);
  const last = Math.max(...late.map(({ at }) => at), cutAt);
  await until(() => worker.stats().unreported === 0);
  ledger.note('after reply', k);
  ledger.note('found after ms', foundAfter);
  ledger.note('depth of its lane', stranded);
  ledger.note('stranded', late.length);
  ledger.note('last back after s', Math.round((last - cutAt) / 1_000));
  ledger.note('faults', faults.shown);
  expect(ledger.settle()).toMatchObject({ lost: 0, twice: 0, executed: JOBS });
  expect(late.length).toBeLessThanOrEqual(stranded);
  const told = act === 'blackhole' ? 'CONNECTION_STALLED' : 'CONNECTION_LOST';
  expect(faults.all.map(({ code }) => code)).toContain(told);
}
