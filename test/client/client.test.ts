import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Client, type ClientOptions } from '../../src/client/client.ts';
import { startEmbeddedFaktory } from '../../src/embedded/index.ts';
import { meanwhile, turns } from '../connection/ask.ts';
import { ALL_STORED, bulk, jidsOf, OK, Peer, type Script } from '../connection/peer.ts';

const silent: Script = () => undefined;
const coded = (code: string): unknown => expect.objectContaining({ code });
const NUMBERED = Array.from({ length: 1_000 }, (_, k) => ({ jobtype: 'test', jid: `jid-${10_000 + k}` }));

function clientOf({ url }: { url: string }, options: ClientOptions = {}): Client {
  return new Client({ url, logger: false, ...options });
}

/** Refuses the jobs of the jobtype `bad`. */
const strict: Script = (command) => {
  if (!command.startsWith('PUSHB ')) return OK;
  const jobs = JSON.parse(command.slice('PUSHB '.length)) as { jid: string; jobtype: string }[];
  const bad = jobs.filter(({ jobtype }) => jobtype === 'bad');
  return bulk(
    JSON.stringify(Object.fromEntries(bad.map(({ jid }) => [jid, 'jobs must have an args parameter']))),
  );
};

describe('push', () => {
  it('resolves to the jid when Faktory has the job, and not before', async () => {
    await using peer = await Peer.start(silent);
    const client = clientOf(peer);
    let stored: string | undefined;
    const pushing = client.push({ jobtype: 'test', jid: 'jid-00001' }).then((jid) => {
      stored = jid;
    });
    await peer.received(1);
    await turns();
    expect([stored, client.inFlight]).toEqual([undefined, 1]);
    peer.links[0]!.say(ALL_STORED);
    await pushing;
    expect([stored, client.inFlight]).toEqual(['jid-00001', 0]);
    await client.close();
  });

  it('rejects an invalid job, and never throws', async () => {
    const client = clientOf({ url: 'tcp://127.0.0.1:1' });
    await expect(client.push({ jobtype: '' })).rejects.toEqual(coded('JOB_INVALID'));
    await expect(client.push({ jobtype: 'a', retry: 1.5 })).rejects.toEqual(coded('JOB_INVALID'));
    await expect(client.enqueue({ jobtype: 'a', queue: 'retries' })).rejects.toEqual(coded('JOB_INVALID'));
    expect(client.inFlight).toBe(0);
    await client.close();
  });

  it('sends concurrent ones as one PUSHB, on one socket', async () => {
    await using peer = await Peer.start();
    const client = clientOf(peer);
    await Promise.all(NUMBERED.slice(0, 100).map((job) => client.push(job)));
    expect(peer.commands.map((command) => jidsOf(command).length)).toEqual([100]);
    expect(peer.links).toHaveLength(1);
    await client.close();
  });

  it('keeps to PUSH_MAX_IN_FLIGHT, however many call at once', async () => {
    await using peer = await Peer.start(silent);
    const client = clientOf(peer, { maxInFlight: 10, maxSize: 10 });
    const pushing = NUMBERED.map((job) => client.push(job));
    expect([client.hasRoom, client.inFlight]).toEqual([false, 10]);
    let most = 0;
    for (let count = 1; count <= 100; count += 1) {
      await peer.received(count);
      most = Math.max(most, client.inFlight);
      peer.links[0]!.say(ALL_STORED);
    }
    await Promise.all(pushing);
    expect(most).toBe(10);
    expect(peer.commands.flatMap(jidsOf)).toEqual(NUMBERED.map(({ jid }) => jid));
    expect(client.hasRoom).toBe(true);
    await client.close();
  });

  it('passes atMostOnce on', async () => {
    await using peer = await Peer.start((_command, link) => {
      link.cut();
      return undefined;
    });
    const client = clientOf(peer);
    await expect(client.push({ jobtype: 'a' }, { atMostOnce: true })).rejects.toEqual(
      coded('DELIVERY_UNKNOWN'),
    );
    await client.close();
  });
});

describe('the defaults of a job', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  const pushed = async (options: ClientOptions, job = {}) => {
    await using peer = await Peer.start();
    const client = clientOf(peer, options);
    await client.push({ jobtype: 'a', ...job });
    await client.push(client.job('a'));
    await client.close();
    const sent = peer.commands.map((command) => JSON.parse(command.slice('PUSHB '.length))[0]);
    return sent.map(({ retry, reserve_for }) => [retry, reserve_for]);
  };

  it('are faktory-worker’s, then the environment’s, then the client’s, then its own', async () => {
    vi.stubEnv('JOB_RETRY', undefined);
    vi.stubEnv('JOB_RESERVE_FOR', undefined);
    expect(await pushed({})).toEqual([
      [25, 1_800],
      [25, 1_800],
    ]);
    vi.stubEnv('JOB_RETRY', '4');
    vi.stubEnv('JOB_RESERVE_FOR', '90');
    expect(await pushed({})).toEqual([
      [4, 90],
      [4, 90],
    ]);
    expect(
      await pushed({ jobDefaults: { retry: 0, reserveFor: 60 } }, { retry: 7, reserve_for: 70 }),
    ).toEqual([
      [7, 70],
      [0, 60],
    ]);
  });
});

describe('enqueue and flush', () => {
  it('enqueue goes on as soon as there is room; flush tells when all is stored', async () => {
    await using peer = await Peer.start(silent);
    const client = clientOf(peer);
    expect(await client.enqueue({ jobtype: 'a', jid: 'jid-00001' })).toBe('jid-00001');
    let flushed: string | undefined;
    const flushing = client.flush().then((text) => {
      flushed = text;
    });
    await peer.received(1);
    await turns();
    expect(flushed).toBeUndefined();
    peer.links[0]!.say(ALL_STORED);
    await flushing;
    expect(flushed).toBe('OK');
    // Not Faktory's FLUSH, which forgets all jobs.
    expect(peer.commands).toHaveLength(1);
    await client.close();
  });

  it('enqueue waits at the limit', async () => {
    await using peer = await Peer.start(silent);
    const client = clientOf(peer, { maxInFlight: 1 });
    await client.enqueue(NUMBERED[0]!);
    let admitted = false;
    const second = client.enqueue(NUMBERED[1]!).then(() => {
      admitted = true;
    });
    await peer.received(1);
    await turns();
    expect(admitted).toBe(false);
    peer.links[0]!.say(ALL_STORED);
    await second;
    peer.script = () => ALL_STORED;
    await peer.received(2);
    peer.links[0]!.say(ALL_STORED);
    await client.close();
  });

  it('flush tells all that could not be stored, once', async () => {
    await using peer = await Peer.start(strict);
    const client = clientOf(peer);
    for (const jobtype of ['good', 'bad', 'good', 'bad']) await client.enqueue({ jobtype });
    const error = await client.flush().catch((thrown: AggregateError) => thrown);
    expect(error).toBeInstanceOf(AggregateError);
    expect((error as AggregateError).message).toMatch(/^2 enqueued jobs were not stored: .*args/);
    expect((error as AggregateError).errors).toEqual([coded('JOB_REJECTED'), coded('JOB_REJECTED')]);
    expect(await client.flush()).toBe('OK');
    await client.close();
  });

  it('flush counts the errors that it does not keep', async () => {
    await using peer = await Peer.start(strict);
    const client = clientOf(peer);
    await Promise.all(Array.from({ length: 1_200 }, () => client.enqueue({ jobtype: 'bad' })));
    const error = (await client.flush().catch((thrown: unknown) => thrown)) as AggregateError;
    expect(error.message).toContain('1200 enqueued jobs');
    expect(error.errors).toHaveLength(1_000);
    await client.close();
  });

  it('flush waits for what was asked by then, also for room, and not for what others push meanwhile', async () => {
    await using peer = await Peer.start();
    const client = clientOf(peer, { maxInFlight: 5 });
    let going = true;
    // Ten that push without end: the client is never idle.
    const busy = Array.from({ length: 10 }, async () => {
      while (going) await client.push({ jobtype: 'busy' });
    });
    await turns();
    for (const job of NUMBERED.slice(0, 20)) void client.enqueue(job);
    expect(await client.flush()).toBe('OK');
    const stored = new Set(peer.commands.flatMap(jidsOf));
    expect(NUMBERED.slice(0, 20).filter(({ jid }) => !stored.has(jid))).toEqual([]);
    going = false;
    await Promise.all(busy);
    await client.close();
  });
});

describe('pushAll', () => {
  it('pushes a thousand from a generator, within its bound and in order', async () => {
    await using peer = await Peer.start(strict);
    const client = clientOf(peer, { maxInFlight: 16 });
    let taken = 0;
    let told = 0;
    let most = 0;
    function* generate() {
      for (const job of NUMBERED) {
        taken += 1;
        most = Math.max(most, taken - told);
        yield taken % 100 === 0 ? { ...job, jobtype: 'bad' } : job;
      }
    }
    const outcomes: string[] = [];
    for await (const { job, jid, error } of client.pushAll(generate())) {
      told += 1;
      outcomes.push(error === undefined ? jid : `${job.jid} ${error.code}`);
    }
    expect(outcomes).toEqual(
      NUMBERED.map(({ jid }, k) => ((k + 1) % 100 === 0 ? `${jid} JOB_REJECTED` : jid)),
    );
    expect(most).toBeLessThanOrEqual(17);
    expect(peer.commands.length).toBeLessThan(500);
    await client.close();
  });

  it('tells of an invalid job as of any other, and goes on', async () => {
    await using peer = await Peer.start();
    const client = clientOf(peer);
    async function* generate() {
      yield { jobtype: 'a', jid: 'jid-00001' };
      yield { jobtype: '', jid: 'jid-00002' };
      yield { jobtype: 'c', jid: 'jid-00003' };
    }
    const outcomes: unknown[] = [];
    for await (const { jid, error } of client.pushAll(generate())) outcomes.push(jid ?? error.code);
    expect(outcomes).toEqual(['jid-00001', 'JOB_INVALID', 'jid-00003']);
    await client.close();
  });
});

describe('pushBulk', () => {
  it('rejects with all whose fate is not known', async () => {
    await using peer = await Peer.start(() => '-ERR context deadline exceeded\r\n');
    const client = clientOf(peer, { deliveryTimeoutMs: 0 });
    const error = (await client
      .pushBulk(NUMBERED.slice(0, 3))
      .catch((thrown: unknown) => thrown)) as AggregateError;
    expect(error).toBeInstanceOf(AggregateError);
    expect(error.message).toMatch(/^3 of 3 jobs: /);
    expect(error.errors).toEqual([1, 2, 3].map(() => coded('DELIVERY_UNKNOWN')));
    await client.close();
  });
});

describe('close', () => {
  it('sends what was accepted, what waits for room too, then END', async () => {
    await using peer = await Peer.start(silent);
    const client = clientOf(peer, { maxInFlight: 1 });
    const pushing = NUMBERED.slice(0, 3).map((job) => client.push(job));
    const enqueued = client.enqueue(NUMBERED[3]!);
    let done = false;
    const closing = client.close().then(() => {
      done = true;
    });
    for (let count = 1; count <= 4; count += 1) {
      await peer.received(count);
      await turns();
      expect(done).toBe(false);
      peer.links[0]!.say(ALL_STORED);
    }
    await closing;
    expect(await Promise.all([...pushing, enqueued])).toEqual(NUMBERED.slice(0, 4).map(({ jid }) => jid));
    expect(peer.links[0]!.chunks.join('')).toMatch(/\r\nEND\r\n$/);
    expect(peer.links[0]!.closed).toBe(true);
  });

  it('lets commands be answered', async () => {
    await using peer = await Peer.start(silent);
    const client = clientOf(peer);
    const info = client.send(['INFO']);
    await peer.received(1);
    const closing = client.close();
    peer.links[0]!.say(bulk('{"a":1}'));
    expect(await info).toBe('{"a":1}');
    await closing;
  });

  it('is safe before anything was opened, and again', async () => {
    const client = clientOf({ url: 'tcp://127.0.0.1:1' });
    await Promise.all([client.close(), client.close()]);
    await client.close();
  });

  it('ends with `await using`', async () => {
    await using faktory = await startEmbeddedFaktory();
    {
      await using client = clientOf(faktory);
      await client.push({ jobtype: 'a' });
    }
    expect(faktory.counts()).toMatchObject({ connections: 0, enqueued: 1 });
  });

  it('leaves a client that takes nothing more', async () => {
    const client = clientOf({ url: 'tcp://127.0.0.1:1' });
    await client.close();
    const job = { jobtype: 'a' };
    const iterate = async (): Promise<void> => {
      for await (const _ of client.pushAll([job])) {
      }
    };
    const calls: [string, () => PromiseLike<unknown>][] = [
      ['push', () => client.push(job)],
      ['job().push', () => client.job('a').push()],
      ['pushBulk', () => client.pushBulk([job])],
      ['pushBulk of none', () => client.pushBulk([])],
      ['enqueue', () => client.enqueue(job)],
      ['pushAll', iterate],
      ['send', () => client.send(['INFO'])],
      ['fetch', () => client.fetch('default')],
      ['ack', () => client.ack('jid-00001')],
      ['beat', () => client.beat()],
      ['info', () => client.info()],
      ['retries', () => client.retries.clear()],
      ['connect', () => client.connect()],
      ['ping', () => client.ping()],
    ];
    for (const [name, call] of calls) await expect(call(), name).rejects.toEqual(coded('CLOSED'));
    expect(await client.flush()).toBe('OK');
  });
});

describe('send', () => {
  it.each([
    ['END'],
    ['HELLO {"v":2,"pwdhash":"s3cret"}'],
    ['PUSH', '{"jid":"jid-00001","jobtype":"a","args":["s3cret"],"retry":0}'],
    ['PUSHB'],
    ['ACK'],
    ['FAIL'],
    ['BEAT'],
    ['QUEUE'],
    ['QUEUE', 'REMOVE'],
  ])('refuses what would harm Faktory or the connection, before anything is sent: %s', async (...words) => {
    await using peer = await Peer.start();
    await using client = clientOf(peer);
    for (const send of [client.send(words), client.sendWithAssert(words, 'OK')])
      await expect(send).rejects.toMatchObject({
        code: 'COMMAND_REFUSED',
        message: expect.not.stringMatching(/s3cret|[\r\n]/),
      });
    expect(peer.links).toEqual([]);
  });
});

describe('stats', () => {
  it('tell of jobs and lanes', async () => {
    await using peer = await Peer.start(strict);
    await using client = clientOf(peer, { slowMs: -1, maxInFlight: 50 });
    const pushed = [client.push({ jobtype: 'good' }), client.push({ jobtype: 'bad' })];
    await Promise.allSettled(pushed);
    const { lanes, pushbJobs, ...rest } = client.stats();
    expect(rest).toMatchObject({ stored: 1, refused: 1, inFlight: 0, maxInFlight: 50, slow: 1 });
    expect([pushbJobs.count, pushbJobs.sum]).toEqual([1, 2]);
    expect(lanes).toEqual({ ready: 1, connecting: 0, releasing: 0, wanted: 1, lost: 0, connects: 1 });
  });
});

describe('a wrong password', () => {
  it('is told by connect, send and fetch at once', async () => {
    await using peer = await Peer.start({ welcome: '-ERR Invalid password\r\n' });
    const client = clientOf(peer);
    const why = { code: 'FAKTORY_PASSWORD', message: expect.stringContaining('FAKTORY_PASSWORD') };
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      await expect(client.connect()).rejects.toMatchObject(why);
      await expect(client.send(['INFO'])).rejects.toMatchObject(why);
      await expect(client.fetch('default')).rejects.toMatchObject(why);
      await client.close();
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('the connection', () => {
  it('is shown without the password', () => {
    expect(clientOf({ url: 'tcp://:hunter2@faktory:7500' }).address).toBe('tcp://faktory:7500');
  });

  it('introduces a worker’s client as one', async () => {
    await using peer = await Peer.start();
    const client = clientOf(peer, { wid: 'w1', labels: ['blue'] });
    await client.connect();
    expect(peer.links[0]!.hello).toContain('"wid":"w1"');
    expect(peer.links[0]!.hello).toContain('"labels":["blue"]');
    await client.close();
  });

  it('is kept within maxConnections, FETCH included', async () => {
    let most = 0;
    await using peer = await Peer.start((command) => {
      most = Math.max(most, peer.open.length);
      return command.startsWith('FETCH') ? '$-1\r\n' : ALL_STORED;
    });
    const client = clientOf(peer, { maxConnections: 3, maxSize: 1 });
    const fetching = Array.from({ length: 10 }, () => client.fetch('default'));
    const pushing = NUMBERED.slice(0, 100).map((job) => client.push(job));
    await Promise.all([...fetching, ...pushing]);
    expect(most).toBe(3);
    await client.close();
  });

  it('measures its round trip by a command that costs Faktory nothing', async () => {
    await using peer = await Peer.start(() => bulk('{"default":0}'));
    const client = clientOf(peer);
    expect(await client.ping()).toBeGreaterThan(0);
    expect(peer.commands).toEqual(['QUEUE LATENCY default']);
    await client.close();
  });

  it('does not run with an address or a number that cannot be used', () => {
    expect(() => clientOf({ url: 'faktory:7419' })).toThrow(coded('ADDRESS_INVALID'));
    vi.stubEnv('BATCH_MAX_SIZE', 'many');
    expect(() => clientOf({ url: 'tcp://faktory' })).toThrow(coded('CONFIG_INVALID'));
    vi.unstubAllEnvs();
  });
});

describe('a Faktory that is away', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is logged once, with the reason, and so is its return', async () => {
    const peer = await Peer.start();
    const { port, url } = peer;
    await peer.close();
    const lines: string[] = [];
    const log = (_fields: object, text: string): void => void lines.push(text);
    const client = clientOf({ url }, { logger: { debug: log, info: log, warn: log, error: log } });
    const pushing = client.push({ jobtype: 'a' });
    for (let ms = 0; ms < 5_000; ms += 250) {
      await turns();
      vi.advanceTimersByTime(250);
    }
    expect(lines).toEqual([expect.stringMatching(/ECONNREFUSED.*trying again$/)]);
    await using again = await Peer.start({ port });
    await meanwhile(pushing);
    expect(lines).toEqual([expect.anything(), `connected to ${again.url} again`]);
    await client.close();
    await turns();
    expect(lines).toHaveLength(2);
  });

  it('does not keep close from ending: what could not be sent is told', async () => {
    const peer = await Peer.start();
    const { url } = peer;
    await peer.close();
    const client = clientOf({ url }, { deliveryTimeoutMs: 10_000 });
    const refused = expect(client.push({ jobtype: 'a' })).rejects.toEqual(coded('FAKTORY_UNREACHABLE'));
    await meanwhile(client.close());
    await refused;
  });

  it('send and connect give up after five seconds, saying why', async () => {
    const peer = await Peer.start();
    const { url } = peer;
    await peer.close();
    const client = clientOf({ url });
    const why = { code: 'FAKTORY_UNREACHABLE', message: expect.stringContaining('ECONNREFUSED') };
    const refused = Promise.all([
      expect(client.connect()).rejects.toMatchObject(why),
      expect(client.send(['INFO'])).rejects.toMatchObject(why),
      expect(client.fetch('default')).rejects.toMatchObject(why),
    ]);
    await meanwhile(refused);
    await client.close();
  });
});
