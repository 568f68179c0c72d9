/** What the faults do to a client and a worker; what they do on the wire is in test/embedded/faults.test.ts. */
import { expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { until } from '../helpers/until.ts';
import { Kit } from './kit.ts';

it('a lost reply to a push: sent again, stored twice under one jid', async () => {
  await using kit = await Kit.start();
  kit.faktory.faults.dropReplies(1, 'PUSHB');
  const jid = await kit.client.push({ jobtype: 'add' });
  expect(kit.faktory.jobs().map((job) => job.jid)).toEqual([jid, jid]);
});

it('a lost reply to an ACK: the job is done once', async () => {
  await using kit = await Kit.start();
  let runs = 0;
  const worker = kit.worker().register('add', () => {
    runs += 1;
  });
  await worker.work();
  kit.faktory.faults.dropReplies(1, 'ACK');
  await kit.client.push({ jobtype: 'add' });
  await kit.faktory.drain();
  await until(() => worker.stats().unreported === 0);
  expect(runs).toBe(1);
});

it('a cut: the worker comes back by itself', async () => {
  await using kit = await Kit.start();
  let runs = 0;
  const worker = kit.worker().register('add', () => {
    runs += 1;
  });
  await worker.work();
  kit.faktory.faults.cut();
  await kit.client.push({ jobtype: 'add' });
  await kit.faktory.drain();
  expect(runs).toBe(1);
});

it('a refused job: JOB_REJECTED, with Faktory’s words; the others of the PUSHB are stored', async () => {
  await using kit = await Kit.start();
  kit.faktory.faults.refuseJobs('mail');
  const pushes = ['mail', 'add'].map((jobtype) => kit.client.push({ jobtype }));
  await expect(pushes[0]).rejects.toMatchObject({
    code: 'JOB_REJECTED',
    message: expect.stringContaining('NOTUNIQUE'),
  });
  await pushes[1];
  expect(kit.faktory.jobs().map((job) => job.jobtype)).toEqual(['add']);
});

it('connections refused: a push waits, and arrives when they are taken again', async () => {
  await using kit = await Kit.start();
  kit.faktory.faults.refuseConnections();
  const warned: string[] = [];
  const silent = (): void => {};
  const logger = {
    debug: silent,
    info: silent,
    warn: (_: object, text: string) => warned.push(text),
    error: silent,
  };
  await using client = new Client({ url: kit.faktory.url, logger });
  const pushed = client.push({ jobtype: 'add' });
  await until(() => warned.length > 0);
  kit.faktory.faults.refuseConnections(false);
  await pushed;
  expect(kit.faktory.jobs().length).toBe(1);
});

it('a freeze: what was asked meanwhile is answered after it', async () => {
  await using kit = await Kit.start();
  await kit.client.push({ jobtype: 'before' });
  kit.faktory.faults.freeze();
  const pushed = kit.client.push({ jobtype: 'after' });
  kit.faktory.faults.thaw();
  await pushed;
  expect(kit.faktory.jobs().map((job) => job.jobtype)).toEqual(['before', 'after']);
});
