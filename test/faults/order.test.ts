/**
 * Keyed jobs keep their order whatever happens to their owners: killed, stopped for longer than their lease, cut off from
 * Redis or Faktory, joined by others. ORDER_SECONDS makes it a soak (`npm run soak:order`).
 */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { until } from '../helpers/until.ts';
import { Ledger } from './ledger.ts';
import { type OrderStage, setOrderStage } from './order-stage.ts';
import type { WorkerProcess } from './stage.ts';

const KEYS = 24;
const SECONDS = Number(process.env.ORDER_SECONDS ?? 30);
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
    const started = order.runs().filter(({ what, at }) => what === 'start' && at > silentFrom && at < backAt);
    const last = Math.max(
      ...order
        .runs()
        .filter(({ what, at }) => what === 'start' && at < backAt)
        .map(({ at }) => at),
    );
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
    await until(() => order.runs().some(({ pid, at }) => pid === a!.process.pid && at > resumedAt), {
      timeoutMs: 30_000,
      what: 'the worker that stood still to work again',
    });
    await order.untilAllRun(resumedAt);
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
    a!.process.kill('SIGKILL');
    ledger.cleared();
    const killedAt = Date.now();
    await untilTakenOver(order, killedAt, ledger);
    await load.stop();
    await order.settle();
  });

  it.concurrent(`all of it by turns, for ${SECONDS} s: joins, kills, stops, cuts of Redis and of Faktory`, {
    timeout: (SECONDS + 600) * 1_000,
  }, async () => {
    using ledger = new Ledger({ row: 36, name: `order, ${SECONDS} s of everything` });
    await using order = await setOrderStage(ledger, { ttlMs: TTL_MS });
    const workers = await Promise.all([order.startWorker(), order.startWorker()]);
    const load = order.keepPushing(KEYS, 40);
    await order.untilAllRun(0);
    const end = Date.now() + SECONDS * 1_000;
    const counts: Record<string, number> = {};
    for (let act = 0; Date.now() < end; act += 1) {
      const name = await disturb(order, workers, act);
      counts[name] = (counts[name] ?? 0) + 1;
      await pause(ledger.int(500, 2_500));
    }
    ledger.cleared();
    await load.stop();
    for (const [name, count] of Object.entries(counts)) ledger.note(name, count);
    await order.settle(300_000);
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

/** One thing that goes wrong. */
async function disturb(order: OrderStage, workers: WorkerProcess[], act: number): Promise<string> {
  const { ledger, toRedis, stage } = order;
  const some = workers[ledger.int(0, workers.length - 1)]!;
  switch (act % 6) {
    case 0:
      workers.push(await order.startWorker());
      return 'joins';
    case 1: {
      some.process.kill('SIGSTOP');
      await pause(ledger.int(TTL_MS / 2, 2 * TTL_MS));
      some.process.kill('SIGCONT');
      return 'stands still';
    }
    case 2:
      toRedis.cut({ reset: true });
      return 'cuts of Redis';
    case 3: {
      await toRedis.refuse(true);
      toRedis.cut({ reset: true });
      await pause(ledger.int(500, 2 * TTL_MS));
      await toRedis.refuse(false);
      return 'Redis away';
    }
    case 4:
      stage.relay.cut({ reset: true });
      return 'cuts of Faktory';
    default: {
      some.process.kill('SIGKILL');
      workers.splice(workers.indexOf(some), 1);
      workers.push(await order.startWorker());
      return 'kills';
    }
  }
}
