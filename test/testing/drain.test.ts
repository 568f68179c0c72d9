import { expect, it } from 'vitest';
import { until } from '../helpers/until.ts';
import { Kit } from './kit.ts';

it('is at once when there is nothing', async () => {
  await using kit = await Kit.start();
  await kit.faktory.drain({ timeoutMs: 0 });
});

it('waits for queued and for running jobs, and for those that they push', async () => {
  await using kit = await Kit.start();
  const done: string[] = [];
  const worker = kit.worker({ queues: ['default', 'later'] });
  worker.register('first', async () => {
    await kit.client.push({ jobtype: 'second', queue: 'later' });
    done.push('first');
  });
  worker.register('second', () => done.push('second'));
  await kit.client.pushBulk(Array.from({ length: 50 }, () => ({ jobtype: 'first' })));
  await worker.work();
  await kit.faktory.drain();
  expect(done.length).toBe(100);
  expect(kit.faktory.jobs()).toEqual([]);
});

it('several may wait', async () => {
  await using kit = await Kit.start();
  await kit.client.push({ jobtype: 'job' });
  const drained = Promise.all([kit.faktory.drain(), kit.faktory.drain()]);
  await kit.worker({ registry: { job: () => {} } }).work();
  await drained;
});

it('does not wait for what failed, nor for what is scheduled', async () => {
  await using kit = await Kit.start();
  const at = new Date(Date.now() + 60_000);
  await kit.client.push({ jobtype: 'fails', at });
  await kit.client.push({ jobtype: 'fails' });
  await kit.client.push({ jobtype: 'fails', retry: -1 });
  const worker = kit.worker();
  worker.register('fails', () => {
    throw new Error('no');
  });
  await worker.work();
  await kit.faktory.drain();
  expect(kit.faktory.jobs().length).toBe(3);
  expect(kit.faktory.jobs({ state: 'enqueued' })).toEqual([]);
});

it('notices queues that are removed or flushed, and reservations that end', async () => {
  await using kit = await Kit.start();
  await kit.client.push({ jobtype: 'job', queue: 'a' });
  const removed = kit.faktory.drain();
  await kit.client.send(['QUEUE', 'REMOVE', 'a']);
  await removed;

  await kit.client.push({ jobtype: 'job', queue: 'a' });
  const flushed = kit.faktory.drain();
  await kit.client.send(['FLUSH']);
  await flushed;

  await kit.client.push({ jobtype: 'job', queue: 'a', reserve_for: 60 });
  await kit.client.fetch('a');
  const expired = kit.faktory.drain();
  kit.faktory.clock.advance(60_000);
  await expired;
});

it('does not look at tokens', async () => {
  await using kit = await Kit.start();
  const queue = 'millrace-wake.07';
  // As a worker does: a client's push may not.
  const tokens = ['token-01', 'token-02'].map((jid) => ({ jid, jobtype: 'millrace-wake', queue, args: [] }));
  await kit.client.send(['PUSHB', JSON.stringify(tokens)]);
  await kit.client.fetch(queue);
  await kit.faktory.drain({ timeoutMs: 0 });
  expect(kit.faktory.jobs()).toEqual([]);
});

it('says what was left, and why that may be', async () => {
  await using kit = await Kit.start();
  for (const jobtype of ['add', 'add', 'mail']) await kit.client.push({ jobtype });
  await kit.client.push({ jobtype: 'report', queue: 'low' });
  await kit.client.send(['QUEUE', 'PAUSE', 'low']);
  await kit.client.fetch('default');
  await expect(kit.faktory.drain({ timeoutMs: 1 })).rejects.toMatchObject({
    code: 'NOT_DRAINED',
    message:
      'after 1 ms there is still 1 × add, 1 × mail in queue "default"; 1 × report in queue "low", which is paused; ' +
      '1 × add that a worker holds (no workers are connected)',
  });
  for (let n = 1; n <= 7; n += 1) await kit.client.push({ jobtype: `t${n}`, queue: 'many' });
  await kit.worker({ queues: ['none'] }).work();
  kit.faktory.faults.refuseConnections();
  kit.faktory.faults.freeze();
  await expect(kit.faktory.drain({ timeoutMs: 1 })).rejects.toThrow(
    /1 × t5, 2 jobtypes more in queue "many"; .*\(1 worker is connected; Faktory is frozen; it refuses connections\)$/,
  );
  kit.faktory.faults.clear();
});

it('a handler that never ends is told of', async () => {
  await using kit = await Kit.start();
  const worker = kit.worker({ shutdownTimeoutMs: 0 });
  worker.handle('endless', (ctx) => new Promise((_, reject) => ctx.signal.addEventListener('abort', reject)));
  await worker.work();
  await kit.client.push({ jobtype: 'endless' });
  await until(() => kit.faktory.jobs({ state: 'working' }).length === 1);
  await expect(kit.faktory.drain({ timeoutMs: 1 })).rejects.toThrow('1 × endless that a worker holds');
});
