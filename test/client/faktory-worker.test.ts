import { Client as FaktoryWorkerClient, Job, Mutation } from 'faktory-worker';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { type EmbeddedFaktory, startEmbeddedFaktory } from '../../src/embedded/index.ts';
import { Peer } from '../connection/peer.ts';

let faktory: EmbeddedFaktory;
let client: Client;

beforeAll(async () => {
  faktory = await startEmbeddedFaktory();
});
afterAll(() => faktory.stop());
beforeEach(async () => {
  client = new Client({ url: faktory.url, logger: false, wid: 'wid-0001', labels: ['blue'] });
  await client.send(['FLUSH']);
});
afterEach(() => client.close());

/** The pool of the class that Client extends. */
interface Inherited {
  pool: { size: number; pending: number; borrowed: number };
  connectionFactory: { create(): unknown; attempts: number };
}
const inherited = (of: Client): Inherited => of as unknown as Inherited;

/** Puts a job into Retries, as failed once. */
async function failed(jobtype: string): Promise<string> {
  const jid = await client.push({ jobtype, queue: 'failing' });
  await client.fetch('failing');
  await client.fail(jid, new Error('it broke'));
  return jid;
}

describe('the methods of faktory-worker’s Client', () => {
  it('job().push() and push(job)', async () => {
    const job = client.job('send a mail', 'to', { subject: 'ü' });
    expect(job).toBeInstanceOf(Job);
    job.queue = 'mail';
    job.retry = 3;
    job.reserveFor = 60;
    job.custom = { locale: 'de' };
    expect(await job.push()).toBe(job.jid);
    expect(await client.fetch('mail')).toMatchObject({
      jid: job.jid,
      jobtype: 'send a mail',
      args: ['to', { subject: 'ü' }],
      queue: 'mail',
      retry: 3,
      reserve_for: 60,
      custom: { locale: 'de' },
    });
    const jid = await client.push({ jobtype: 'add', args: [1, 2] });
    expect(await client.fetch('default')).toMatchObject({ jid, args: [1, 2] });
    await client.ack(jid);
  });

  it('a job of another copy of faktory-worker is one, too', async () => {
    const real = client.job('add', 1);
    real.reserveFor = 120;
    const foreign = { toJSON: () => real.toJSON(), jobtype: 'add' };
    await client.push(foreign);
    expect(await client.fetch('default')).toMatchObject({ jid: real.jid, reserve_for: 120 });
  });

  it('job.at schedules', async () => {
    const job = client.job('later');
    job.at = new Date(Date.now() + 60_000);
    await job.push();
    expect(faktory.counts()).toMatchObject({ scheduled: 1, enqueued: 0 });
  });

  it('pushBulk tells which it could not store, and why', async () => {
    const good = client.job('good');
    const bad = client.job('bad');
    bad.queue = 'not a name';
    const plain = { jobtype: 'plain', retry: 1.5, jid: 'jid-plain-1' };
    const rejected = await client.pushBulk([good, bad, plain]);
    expect(rejected).toEqual({
      [bad.jid]: { reason: expect.stringContaining('queue is "not a name"'), payload: bad.toJSON() },
      'jid-plain-1': { reason: expect.stringContaining('retry is 1.5'), payload: plain },
    });
    expect(faktory.counts().enqueued).toBe(1);
    expect(await client.pushBulk([])).toEqual({});
  });

  it('fetch, ack and fail', async () => {
    const first = await client.push({ jobtype: 'a' });
    const second = await client.push({ jobtype: 'b', queue: 'other' });
    expect(await client.fetch('default', 'other')).toMatchObject({ jid: first });
    expect(await client.fetch('default', 'other')).toMatchObject({ jid: second });
    expect(await client.ack(first)).toBe('OK');
    expect(await client.fail(second, Object.assign(new Error('it broke'), { code: 'E_BROKEN' }))).toBe('OK');
    expect(faktory.counts()).toMatchObject({ working: 0, retries: 1, processed: 2, failures: 1 });
    await expect(client.fail(second, new Error('again'))).rejects.toMatchObject({
      code: 'COMMAND_REFUSED',
      message: expect.stringContaining('Job not found'),
    });
  });

  it('fetch is null when there is nothing, and each has a socket of its own: nothing waits behind it', async () => {
    const waiting = client.fetch('empty');
    const other = client.fetch('other');
    await vi.waitUntil(() => faktory.counts().connections === 3);
    const jid = await client.push({ jobtype: 'a', queue: 'other' });
    expect(await other).toMatchObject({ jid });
    await client.ack(jid);
    expect(faktory.counts()).toMatchObject({ processed: 1, working: 0 });
    expect(await waiting).toBeNull();
  });

  it('beat tells what Faktory wants of the worker', async () => {
    expect(await client.beat()).toBe('OK');
    await client.send(['BEAT', JSON.stringify({ wid: 'wid-0001', current_state: 'quiet' })]);
    expect(await client.beat()).toBe('quiet');
  });

  it('info', async () => {
    await client.push({ jobtype: 'a', queue: 'mail' });
    expect(await client.info()).toMatchObject({ faktory: { queues: { mail: 1 } }, server: {} });
  });

  it('retries, scheduled and dead take filters, jobtypes with spaces among them', async () => {
    const mail = await failed('send a mail');
    const other = await failed('resize  an image');
    expect(client.retries).toBeInstanceOf(Mutation);
    await client.retries.ofType('send a mail').kill();
    expect(faktory.counts()).toMatchObject({ retries: 1, dead: 1 });
    await client.retries.ofType('resize  an image').requeue();
    expect(faktory.counts()).toMatchObject({ retries: 0, enqueued: 1 });
    expect(await client.fetch('failing')).toMatchObject({ jid: other });
    await client.dead.withJids(mail).requeue();
    expect(await client.fetch('failing')).toMatchObject({ jid: mail });
    const at = new Date(Date.now() + 60_000);
    for (const jobtype of ['one two', 'three four', 'five']) await client.push({ jobtype, at });
    await client.scheduled.matching('*"jobtype":"three four"*').discard();
    expect(faktory.counts().scheduled).toBe(2);
    await client.scheduled.clear();
    expect(faktory.counts().scheduled).toBe(0);
  });

  it('send takes any command, in pieces or whole; sendWithAssert wants one answer', async () => {
    await client.push({ jobtype: 'a' });
    expect(await client.send(['QUEUE', 'PAUSE', 'default'])).toBe('OK');
    expect(await client.send(['QUEUE RESUME default'])).toBe('OK');
    expect(JSON.parse(await client.send(['QUEUE', 'LATENCY', 'default']))).toEqual({
      default: expect.any(Number),
    });
    await expect(client.send(['CRON', 'x'])).rejects.toMatchObject({ code: 'COMMAND_REFUSED' });
    expect(await client.sendWithAssert(['QUEUE', 'PAUSE', 'x'], 'OK')).toBe('OK');
    await expect(client.sendWithAssert(['INFO'], 'OK')).rejects.toMatchObject({ code: 'COMMAND_REFUSED' });
    await expect(client.send(['FLUSH\r\nFLUSH'])).rejects.toThrow(/line ends/);
  });

  it('connect opens a connection, and says what keeps it from that', async () => {
    const one = new Client({ url: faktory.url, logger: false });
    expect(one.connected).toBe(false);
    expect(await one.connect()).toBe(one);
    expect(one.connected).toBe(true);
    await one.close();
    expect(one.connected).toBe(false);
  });
});

describe('faktory-worker’s pool', () => {
  it('never opens a socket, whatever is called', async () => {
    const methods = Object.getOwnPropertyNames(FaktoryWorkerClient.prototype).filter(
      (name) => name !== 'constructor',
    );
    await using peer = await Peer.start();
    const own = new Client({ url: faktory.url, logger: false, wid: 'wid-0002' });
    const { pool, connectionFactory } = inherited(own);
    const create = vi.spyOn(connectionFactory, 'create');
    const before = faktory.counts().connections;

    await own.connect();
    const job = own.job('a job');
    await job.push();
    await own.push(own.job('a job'));
    await own.pushBulk([own.job('a job')]);
    await own.fetch('default');
    await own.ack(job.jid);
    const second = await own.fetch('default');
    await own.fail(second!.jid, new Error('it broke'));
    await own.beat();
    await own.info();
    await own.send(['QUEUE', 'LATENCY', 'default']);
    await own.sendWithAssert(['QUEUE', 'PAUSE', 'x'], 'OK');
    await own.flush();
    for (const set of [own.retries, own.scheduled, own.dead]) await set.ofType('a job').discard();

    // One lane, and one socket for FETCH.
    expect(faktory.counts().connections - before).toBe(2);
    expect([pool.size, pool.pending, pool.borrowed, connectionFactory.attempts]).toEqual([0, 0, 0, 0]);
    expect(create).not.toHaveBeenCalled();
    await own.close();
    expect(faktory.counts().connections).toBe(before);
    expect([pool.size, create.mock.calls.length, peer.links.length]).toEqual([0, 0, 0]);
    // A method that a later version adds must be looked at, and be called here.
    expect(methods.sort()).toEqual([
      'ack',
      'beat',
      'buildHello',
      'close',
      'connect',
      'dead',
      'fail',
      'fetch',
      'flush',
      'handshake',
      'info',
      'job',
      'push',
      'pushBulk',
      'retries',
      'scheduled',
      'send',
      'sendWithAssert',
    ]);
  });
});
