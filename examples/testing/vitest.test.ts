/**
 * Tests of jobs with vitest. Each starts a Faktory of its own, which takes a few milliseconds.
 *
 *     npx vitest run --root examples/testing
 */
import { Client } from 'millrace';
import { runJob, startFaktory } from 'millrace/testing';
import { expect, it, vi } from 'vitest';
import { invoiceWorker, order } from './invoices.ts';

const DAY = 24 * 3600 * 1000;

it('push, run, assert', async () => {
  await using faktory = await startFaktory();
  await using client = new Client({ url: faktory.url, logger: false });
  const mailer = { send: vi.fn(async () => {}) };
  await using worker = invoiceWorker(mailer, { url: faktory.url });

  expect(await order(client, 'ann@example.org', 42)).toBe('accepted');
  expect(faktory.jobs({ jobtype: 'invoice' })).toMatchObject([{ queue: 'default', retry: 5 }]);

  await worker.work();
  await faktory.drain();
  expect(mailer.send).toHaveBeenCalledExactlyOnceWith('ann@example.org', '42 euros, from a shop');
});

it('a failure, and its retry a day later', async () => {
  await using faktory = await startFaktory();
  await using client = new Client({ url: faktory.url, logger: false });
  const mailer = { send: vi.fn(async () => {}) };
  mailer.send.mockRejectedValueOnce(new Error('mailbox full'));
  await using worker = invoiceWorker(mailer, { url: faktory.url });
  await worker.work();

  await order(client, 'ann@example.org', 42);
  await faktory.drain();
  const [failed] = faktory.jobs({ state: 'retries' });
  expect(failed?.failure).toMatchObject({ message: 'mailbox full', retry_count: 0, remaining: 5 });

  faktory.clock.advance(DAY);
  await faktory.drain();
  expect(mailer.send).toHaveBeenCalledTimes(2);
  expect(faktory.jobs()).toEqual([]);
});

it('a job for the day after tomorrow', async () => {
  await using faktory = await startFaktory();
  await using client = new Client({ url: faktory.url, logger: false });
  const at = new Date(faktory.clock.now() + 2 * DAY);
  await client.push({ jobtype: 'invoice', args: ['ann@example.org', 42], at });

  faktory.clock.advance(DAY);
  expect(faktory.jobs({ state: 'scheduled' })).toHaveLength(1);
  faktory.clock.advance(DAY);
  expect(faktory.jobs({ state: 'enqueued' })).toHaveLength(1);
});

it('a fault: the reply to an ACK is lost with its connection', async () => {
  await using faktory = await startFaktory();
  await using client = new Client({ url: faktory.url, logger: false });
  const mailer = { send: vi.fn(async () => {}) };
  await using worker = invoiceWorker(mailer, { url: faktory.url });
  await worker.work();

  faktory.faults.dropReplies(1, 'ACK');
  await order(client, 'ann@example.org', 42);
  await faktory.drain();
  expect(mailer.send).toHaveBeenCalledOnce();
});

it('a fault: Faktory refuses the job', async () => {
  await using faktory = await startFaktory();
  await using client = new Client({ url: faktory.url, logger: false });

  faktory.faults.refuseJobs('invoice');
  expect(await order(client, 'ann@example.org', 42)).toBe('twice');
});

it('one handler with its middleware, and no Faktory at all', async () => {
  const mailer = { send: vi.fn(async () => {}) };
  const worker = invoiceWorker(mailer);

  expect(await runJob(worker, 'invoice', 'ann@example.org', 42)).toBe(42);
  expect(mailer.send).toHaveBeenCalledWith('ann@example.org', '42 euros, from nobody');

  mailer.send.mockRejectedValueOnce(new Error('mailbox full'));
  await expect(runJob(worker, 'invoice', 'ann@example.org', 42)).rejects.toThrow('mailbox full');
});
