/**
 * Keyed jobs keep their order whatever happens to their owners: killed, stopped or blocked for longer than their lease,
 * cut off from Redis or Faktory, joined by others. `npm run soak:order` does it for longer.
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { until } from '../helpers/until.ts';
import { Ledger } from './ledger.ts';
import { mix } from './order-mix.ts';
import { type OrderStage, setOrderStage } from './order-stage.ts';

const KEYS = 24;
const SECONDS = 30;
const TTL_MS = 2_000;

describeOnRealFaktory('the order of keyed jobs', () => {
  it.concurrent('row 8: Redis is away: owners stop by their own clock, and go on when it is back', async () => {
    using ledger = new Ledger({ row: 8, name: 'Redis away for leases' });
    await using order = await setOrderStage(ledger, { ttlMs: TTL_MS });
    await Promise.all([order.startWorker(), order.startWorker()]);
    const load = order.keepPushing(KEYS, 10);
    await untilShared(order);
    await order.untilAllRun(0);
    const awayAt = Date.now();
    await order.toRedis.refuse(true);
    order.toRedis.cut({ reset: true });
    // Nothing is due before the time that the last renewal left is over.
    await pause(TTL_MS + 200);
    const silentFrom = Date.now();
    await pause(TTL_MS);
    const backAt = Date.now();
    await order.toRedis.refuse(false);
    ledger.cleared();
    await order.untilAllRun(backAt);
    await load.stop();
    const whileAway = order.starts.filter(({ at }) => at < backAt);
    const started = whileAway.filter(({ at }) => at > silentFrom);
    const last = whileAway.reduce((latest, { at }) => Math.max(latest, at), awayAt);
    ledger.note('ms from the cut to the last start', last - awayAt);
    ledger.note('starts past the leases', started.length);
    await order.settle();
    expect(started).toEqual([]);
  });

  it.concurrent('row 36: an owner stands still for longer than its lease', async () => {
    using ledger = new Ledger({ row: 36, name: 'SIGSTOP for longer than the lease' });
    await using order = await setOrderStage(ledger, { ttlMs: TTL_MS });
    const [a] = await Promise.all([order.startWorker(), order.startWorker()]);
    const load = order.keepPushing(KEYS, 10);
    await untilShared(order);
    await order.untilAllRun(0);
    a!.process.kill('SIGSTOP');
    const stoppedAt = Date.now();
    await untilTakenOver(order, stoppedAt, ledger);
    await pause(TTL_MS);
    a!.process.kill('SIGCONT');
    ledger.cleared();
    const resumedAt = Date.now();
    await until(() => order.starts.some(({ pid, at }) => pid === a!.process.pid && at > resumedAt), {
      timeoutMs: 30_000,
      what: 'the worker that stood still to work again',
    });
    await order.untilAllRun(resumedAt);
    await load.stop();
    expect(order.stoodStillMs(a!.process.pid)).toBeGreaterThan(TTL_MS);
    await order.settle();
  });

  it.concurrent('row 36: a handler blocks its process for longer than the lease: nothing of it starts after that', async () => {
    using ledger = new Ledger({ row: 36, name: 'blocked for longer than the lease' });
    await using order = await setOrderStage(ledger, { ttlMs: TTL_MS });
    // One slot: jobs whose turn has come wait for it, as those of the blocked partition wait for their turn.
    const oneSlot = { WORKER_CONCURRENCY: '1' };
    await Promise.all([order.startWorker(oneSlot), order.startWorker(oneSlot)]);
    const load = order.keepPushing(KEYS, 20, { ms: 0 });
    await untilShared(order);
    await order.untilAllRun(0);
    const gate = `${ledger.file}.gate`;
    const key = await order.pushBlock(3 * TTL_MS, gate);
    const { pid } = await until(() => order.starts.find((run) => run.key === key), { what: 'its start' });
    const blocked = order.stage.workers.find(({ process }) => process.pid === pid)!;
    const held = async (): Promise<number> => (await blocked.metrics()).get('millrace_partitions_held_jobs')!;
    await until(async () => (await held()) > order.partitions, {
      what: 'jobs that wait for their turn behind it',
    });
    writeFileSync(gate, '');
    await until(() => order.stoodStillMs(pid) > 2 * TTL_MS, { timeoutMs: 30_000, what: 'it to go on' });
    ledger.cleared();
    await order.untilAllRun(Date.now());
    await load.stop();
    await order.settle();
  });

  it.concurrent('an owner is killed: taken over within the lease and a second', async () => {
    using ledger = new Ledger({ row: 36, name: 'SIGKILL of an owner' });
    await using order = await setOrderStage(ledger, { ttlMs: TTL_MS });
    const [a] = await Promise.all([order.startWorker(), order.startWorker()]);
    const load = order.keepPushing(KEYS, 10);
    await untilShared(order);
    await order.untilAllRun(0);
    order.killWorker(a!);
    ledger.cleared();
    const killedAt = Date.now();
    await untilTakenOver(order, killedAt, ledger);
    await load.stop();
    await order.settle();
  });

  it.concurrent(`all of it by turns, for ${SECONDS} s: joins, kills, stops, blocks, cuts of Redis and of Faktory`, {
    timeout: (SECONDS + 600) * 1_000,
  }, async () => {
    using ledger = new Ledger({ row: 36, name: `order, ${SECONDS} s of everything` });
    await using order = await setOrderStage(ledger, { ttlMs: TTL_MS });
    const workers = await Promise.all([order.startWorker(), order.startWorker()]);
    const load = order.keepPushing(KEYS, 40);
    await order.untilAllRun(0);
    const counts = await mix({ order, workers, seconds: SECONDS });
    ledger.cleared();
    await load.stop();
    for (const [name, count] of counts) ledger.note(name, count);
    // A job that was met twice is waited for in vain for 135 s, and another behind it again.
    await order.settle({ timeoutMs: 540_000, maySkip: true });
  });
});

/** Both own as many, by now. */
async function untilShared(order: OrderStage): Promise<void> {
  const isShared = async (): Promise<boolean> => {
    const owners = await order.owners();
    return [...owners.values()].every((count) => count === order.partitions / 2) && owners.size === 2;
  };
  await until(isShared, { timeoutMs: 20_000, everyMs: 50, what: 'partitions shared by two' });
}

/** The other owns all, too soon or not; jobs that the first one held are waited for after that. */
async function untilTakenOver(order: OrderStage, since: number, ledger: Ledger): Promise<void> {
  const isTaken = async (): Promise<boolean> => {
    const owners = await order.owners();
    return owners.size === 1 && owners.values().next().value === order.partitions;
  };
  await until(isTaken, { timeoutMs: 20_000, everyMs: 20, what: 'one owner of all' });
  ledger.note('taken over after ms', Date.now() - since);
}
