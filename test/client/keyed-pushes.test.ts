/** Keyed pushes of a Client: the embedded Faktory, numbers kept in memory. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Client, type ClientOptions } from '../../src/client/client.ts';
import { defineJobs } from '../../src/contract/contract.ts';
import { MillraceError } from '../../src/errors.ts';
import { type Coordinators, memoryCoordinators, type PartitionsOptions } from '../../src/partitions/open.ts';
import { partitionOf } from '../../src/partitions/partition-hash.ts';
import { stampOf } from '../../src/partitions/stamp.ts';
import { startFaktory, type TestFaktory } from '../../src/testing/index.ts';
import { bulk, OK, Peer, type Script } from '../connection/peer.ts';
import { until } from '../helpers/until.ts';

const COUNT = 4;
const coded = (code: string, text = ''): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(text) });

function inMemory(): PartitionsOptions & { coordinators: Coordinators } {
  return { count: COUNT, coordinators: memoryCoordinators({ count: COUNT }) };
}

function clientOf(
  { url }: { url: string },
  options: ClientOptions = {},
  partitions: PartitionsOptions = inMemory(),
): Client {
  return new Client({ url, logger: false, partitions, ...options });
}

const PARTITION = partitionOf('k', COUNT);
const QUEUE = `default.${PARTITION}`;

/** Of the jobs of a queue: their first arg, by their numbers. */
const byNumber = (faktory: TestFaktory, queue: string): unknown[] =>
  faktory
    .jobs({ queue, state: 'enqueued' })
    .map(({ args, custom }) => ({ arg: args[0], number: stampOf(custom)!.number }))
    .sort((a, b) => a.number - b.number)
    .map(({ arg, number }) => [number, arg]);

describe('a push with a partition key', () => {
  it('goes to the queue of its partition, with a number; one without goes where it went', async () => {
    await using faktory = await startFaktory();
    await using client = clientOf(faktory);
    const jid = await client.push({ jobtype: 'a', args: [1], partitionKey: 'k' });
    await client.push({ jobtype: 'a', args: [2] });
    const [keyed] = faktory.jobs({ queue: QUEUE });
    expect(keyed).toMatchObject({ jid, args: [1], retry: 25, reserve_for: 1_800 });
    expect(stampOf(keyed!.custom)).toEqual({ number: 1, epoch: expect.any(Number), key: 'k' });
    const [plain] = faktory.jobs({ queue: 'default' });
    expect(plain).not.toHaveProperty('custom');
  });

  it('has its number by the order of asking, whatever way it is pushed', async () => {
    await using faktory = await startFaktory();
    await using client = clientOf(faktory);
    const job = (arg: number) => ({ jobtype: 'a', args: [arg], partitionKey: 'k' });
    const built = client.job('a', 2);
    const stored: string[] = [];
    const pushing = [
      client.push(job(0)),
      client.enqueue(job(1)),
      client.push(built, { partitionKey: 'k' }),
      client.pushBulk([job(3), job(4)]),
      new Promise<void>((resolve, reject) =>
        client.pushFor({ onStored: (jid) => resolve(void stored.push(jid)), onFailed: reject }, job(5)),
      ),
    ];
    await Promise.all(pushing);
    for await (const outcome of client.pushAll([job(6), job(7)])) expect(outcome.error).toBeUndefined();
    await client.pushChunked('a', [8, 9, 10], { size: 2, partitionKey: 'k' });
    await client.flush();
    const numbers = byNumber(faktory, QUEUE).map((each) => (each as [number])[0]);
    expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    // pushBulk begins in a later turn than a push.
    expect(byNumber(faktory, QUEUE).map((each) => (each as [number, unknown])[1])).toEqual(
      expect.arrayContaining([0, 1, 2, 3, 4, 5, 6, 7, [8, 9], [10]]),
    );
    expect(stored).toHaveLength(1);
  });

  it('is in order over more lanes than one, and in every queue by itself', async () => {
    await using faktory = await startFaktory();
    await using client = clientOf(faktory, { maxSize: 3, maxLanes: 4 });
    const pushes = Array.from({ length: 60 }, (_, arg) =>
      client.push({ jobtype: 'a', args: [arg], partitionKey: 'k', queue: arg % 2 ? 'odd' : 'even' }),
    );
    await Promise.all(pushes);
    for (const [from, queue] of [`even.${PARTITION}`, `odd.${PARTITION}`].entries())
      expect(byNumber(faktory, queue)).toEqual(Array.from({ length: 30 }, (_, i) => [i + 1, 2 * i + from]));
  });

  it('counts as on its way while it waits for its number, and is flushed and closed with it', async () => {
    await using faktory = await startFaktory();
    const partitions = inMemory();
    let give = (): void => {};
    const memory = partitions.coordinators.of('default');
    const numbers = memory.numbers.bind(memory);
    memory.numbers = async (asks) => {
      await new Promise<void>((resolve) => (give = resolve));
      return numbers(asks);
    };
    await memory.begin([PARTITION]);
    const client = clientOf(faktory, { maxInFlight: 4 }, partitions);
    const pushes = Array.from({ length: 6 }, (_, arg) =>
      client.push({ jobtype: 'a', args: [arg], partitionKey: 'k' }),
    );
    expect([client.inFlight, client.hasRoom, client.stats().asking]).toEqual([4, false, 2]);
    let isClosed = false;
    const closing = client.close().then(() => (isClosed = true));
    for (let given = 0; given < 2; given += 1) {
      const before = give;
      await until(() => give !== before);
      expect(isClosed).toBe(false);
      give();
    }
    await Promise.all([...pushes, closing]);
    expect(byNumber(faktory, QUEUE)).toEqual([0, 1, 2, 3, 4, 5].map((arg) => [arg + 1, arg]));
  });

  it('with a time has a key and no number', async () => {
    await using faktory = await startFaktory();
    await using client = clientOf(faktory);
    await client.push({ jobtype: 'a', partitionKey: 'k', at: '2100-01-01T00:00:00Z' });
    await client.push({ jobtype: 'a', args: ['now'], partitionKey: 'k' });
    const [later] = faktory.jobs({ state: 'scheduled' });
    expect([later!.queue, later!.custom]).toEqual([QUEUE, { millrace: { k: 'k' } }]);
    expect(byNumber(faktory, QUEUE)).toEqual([[1, 'now']]);
  });

  it('without Redis is only hashed to its queue', async () => {
    await using faktory = await startFaktory();
    await using client = clientOf(faktory, {}, { count: COUNT, redisUrl: undefined });
    await Promise.all([1, 2].map((arg) => client.push({ jobtype: 'a', args: [arg], partitionKey: 'k' })));
    expect(faktory.jobs({ queue: QUEUE }).map(({ args, custom }) => [args[0], custom])).toEqual([
      [1, { millrace: { k: 'k' } }],
      [2, { millrace: { k: 'k' } }],
    ]);
  });

  it('is refused where no queue is split, and where the key is none', async () => {
    await using client = clientOf({ url: 'tcp://127.0.0.1:1' }, {}, { count: 0 });
    const unsplit = client.push({ jobtype: 'a', partitionKey: 'k' });
    await expect(unsplit).rejects.toEqual(coded('JOB_INVALID', 'PARTITIONS is 0'));
    await expect(client.enqueue({ jobtype: 'a', partitionKey: '' })).rejects.toEqual(coded('JOB_INVALID'));
    await using split = clientOf({ url: 'tcp://127.0.0.1:1' });
    await expect(split.push({ jobtype: 'a', partitionKey: '' })).rejects.toEqual(coded('JOB_INVALID'));
    expect([client.inFlight, split.inFlight]).toEqual([0, 0]);
    expect(() => clientOf({ url: 'tcp://127.0.0.1:1' }, {}, { count: 1.5 })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });

  it('fails with what the coordinator says, its jid in the text, and others go on', async () => {
    await using faktory = await startFaktory();
    const partitions = inMemory();
    partitions.coordinators.of('broken').numbers = async () => {
      throw new MillraceError('REDIS_UNAVAILABLE', 'Redis cannot be reached');
    };
    await using client = clientOf(faktory, {}, partitions);
    const broken = { jobtype: 'a', jid: 'jid-00001', queue: 'broken', partitionKey: 'k' };
    const results = await Promise.allSettled([
      client.push(broken),
      client.push({ jobtype: 'a', partitionKey: 'k' }),
      client.push({ jobtype: 'a', queue: 'broken' }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(results[0]).toMatchObject({
      reason: coded('REDIS_UNAVAILABLE', 'job jid-00001 was not stored: Redis cannot be reached'),
    });
    expect([client.inFlight, client.stats().unsent]).toEqual([0, 1]);
  });
});

/** Has no job waiting, and refuses jobs whose arg is `bad`. */
const strict: Script = (command) => {
  if (command.startsWith('QUEUE LATENCY ')) return bulk('{}');
  if (!command.startsWith('PUSHB ')) return OK;
  const jobs = JSON.parse(command.slice('PUSHB '.length)) as { jid: string; args: unknown[] }[];
  const bad = jobs.filter(({ args }) => args[0] === 'bad');
  return bulk(
    JSON.stringify(Object.fromEntries(bad.map(({ jid }) => [jid, 'jobs must have an args parameter']))),
  );
};

describe('the number of a job that is not stored', () => {
  it('is declared void where it certainly is not: refused, or never sent', async () => {
    await using peer = await Peer.start(strict);
    const partitions = inMemory();
    const memory = partitions.coordinators.of('default');
    await using client = clientOf(peer, { deliveryTimeoutMs: 300 }, partitions);
    const push = (arg: string) => client.push({ jobtype: 'a', args: [arg], partitionKey: 'k' });
    await Promise.allSettled([push('fine'), push('bad'), push('bad'), push('fine')]);
    await until(async () => (await memory.voids(PARTITION)).size > 0);
    const [[epoch, refused]] = [...(await memory.voids(PARTITION))] as [[number, unknown]];
    expect(refused).toEqual([[2, 3]]);
    await peer.close();
    await expect(push('late')).rejects.toEqual(coded('FAKTORY_UNREACHABLE'));
    await until(async () => (await memory.voids(PARTITION)).get(epoch)?.length === 2);
    expect((await memory.voids(PARTITION)).get(epoch)).toEqual([
      [2, 3],
      [5, 5],
    ]);
  });

  it('is told by close() at the latest', async () => {
    await using peer = await Peer.start(strict);
    const partitions = inMemory();
    const client = clientOf(peer, {}, partitions);
    await expect(client.push({ jobtype: 'a', args: ['bad'], partitionKey: 'k' })).rejects.toEqual(
      coded('JOB_REJECTED'),
    );
    await client.close();
    expect([...(await partitions.coordinators.of('default').voids(PARTITION)).values()]).toEqual([[[1, 1]]]);
  });

  it('is not where it may be: it is sent again as it was, and in the end unknown', async () => {
    const sent: unknown[] = [];
    await using peer = await Peer.start((command, link) => {
      if (!command.startsWith('PUSHB ')) return strict(command, link);
      const jobs = JSON.parse(command.slice('PUSHB '.length)) as { args: unknown[] }[];
      const keyed = jobs.find(({ args }) => args[0] === 'keyed');
      if (keyed === undefined) return strict(command, link);
      sent.push(keyed);
      link.cut();
      return undefined;
    });
    const partitions = inMemory();
    await using client = clientOf(peer, { maxLosses: 2, deliveryTimeoutMs: 60_000 }, partitions);
    let end: unknown;
    const pushing = client.push({ jobtype: 'a', args: ['keyed'], partitionKey: 'k' });
    pushing.catch((error) => (end = error));
    await until(() => sent.length > 0);
    // It is given up because others get through where it does not, not because its time is over.
    while (end === undefined) await client.push({ jobtype: 'a', args: ['plain'] });
    expect(end).toEqual(coded('DELIVERY_UNKNOWN'));
    expect(sent.length).toBeGreaterThan(1);
    expect(sent).toEqual(sent.map(() => sent[0]));
    await client.close();
    expect((await partitions.coordinators.of('default').voids(PARTITION)).size).toBe(0);
  });
});

describe('partitionBy of a contract', () => {
  const args = z.tuple([z.object({ phone: z.string(), text: z.string() })]);
  const jobs = defineJobs({
    say: { args, queue: 'calls', partitionBy: ({ phone }) => phone },
    plain: { args: z.tuple([z.number()]) },
  });

  it('says the key, unless the push does', async () => {
    await using faktory = await startFaktory();
    await using client = new Client({
      url: faktory.url,
      logger: false,
      contract: jobs,
      partitions: inMemory(),
    });
    await client.push('say', { phone: '+55', text: 'hi' });
    await client.push('plain', 1);
    await client.push({ jobtype: 'say', args: [{ phone: '+55', text: 'other' }], partitionKey: 'k' });
    const keys = faktory.jobs().map(({ queue, custom }) => [queue, stampOf(custom)?.key]);
    expect(keys.sort()).toEqual(
      [
        [`calls.${partitionOf('+55', COUNT)}`, '+55'],
        ['default', undefined],
        [`calls.${PARTITION}`, 'k'],
      ].sort(),
    );
  });

  it('is asked only about args that fit, and what it throws is told', async () => {
    const asked: unknown[] = [];
    const contract = defineJobs({
      say: {
        args,
        partitionBy: ({ phone }) => {
          asked.push(phone);
          if (phone === 'odd') throw new Error('no key');
          return phone === 'none' ? undefined : phone;
        },
      },
    });
    await using faktory = await startFaktory();
    const client = new Client({ url: faktory.url, logger: false, contract, partitions: inMemory() });
    const say = (payload: unknown) => client.push({ jobtype: 'say', args: [payload] });
    await expect(say({ phone: 5 })).rejects.toEqual(coded('PAYLOAD_INVALID'));
    await expect(say({ phone: 'odd', text: '' })).rejects.toEqual(coded('JOB_INVALID', 'no key'));
    await expect(say({ phone: '', text: '' })).rejects.toEqual(coded('JOB_INVALID', 'partitionKey'));
    await say({ phone: 'none', text: '' });
    expect(asked).toEqual(['odd', '', 'none']);
    expect(faktory.jobs().map(({ queue }) => queue)).toEqual(['default']);
    await client.close();
  });

  it('works beside an asynchronous schema: what was pushed is what is checked and sent', async () => {
    const contract = defineJobs({
      say: { args: args.refine(async () => true), partitionBy: ({ phone }) => phone },
    });
    await using faktory = await startFaktory();
    await using client = new Client({
      url: faktory.url,
      logger: false,
      contract,
      partitions: inMemory(),
    });
    const payload = { phone: 'k', text: 'as pushed' };
    const pushing = client.push('say', payload);
    payload.phone = 'other';
    await pushing;
    expect(faktory.jobs()).toMatchObject([
      { queue: QUEUE, args: [{ phone: 'k', text: 'as pushed' }], custom: { millrace: { k: 'k', n: 1 } } },
    ]);
  });

  it('is held to the schema by the compiler', () => {
    defineJobs({ say: { args, partitionBy: ({ phone }: { phone: string }) => phone } });
    // @ts-expect-error: phone is a text.
    defineJobs({ say: { args, partitionBy: ({ phone }: { phone: number }) => String(phone) } });
    // @ts-expect-error: so is a key.
    defineJobs({ say: { args, partitionBy: () => 5 } });
  });
});
