import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startEmbeddedFaktory } from '../../src/embedded/index.ts';
import { meanwhile, turns } from '../connection/ask.ts';
import { ALL_STORED, bulk, jidsOf, Peer } from '../connection/peer.ts';
import { until } from '../helpers/until.ts';
import { seeded } from '../protocol/seeded.ts';
import { batches, jid, jids, job, jobs, outcomes, Pushing, pushing, refusing, silent } from './pushing.ts';

describe('an unknown outcome', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each<[string, string]>([
    ['a text that Faktory does not document', refusing({ [jid(1)]: 'context deadline exceeded' })],
    ['an error of the whole PUSHB', '-ERR context deadline exceeded\r\n'],
    ['a shutdown', '-ERR shutdown in progress\r\n'],
    ['no map', bulk('what')],
    ['nothing', '$-1\r\n'],
  ])('is asked again, with the same jid: %s', async (_name, reply) => {
    const replies = [reply];
    await using peer = await Peer.start(() => replies.shift() ?? ALL_STORED);
    using it = await pushing(peer);
    const pushed = it.push(job(1));
    await peer.received(1);
    await turns();
    expect(peer.commands).toHaveLength(1);
    expect(await meanwhile(outcomes(pushed))).toEqual([jid(1)]);
    expect(peer.commands[1]).toBe(peer.commands[0]);
  });

  it('of one job keeps no other waiting', async () => {
    const replies = [refusing({ [jid(1)]: 'context deadline exceeded' })];
    await using peer = await Peer.start(() => replies.shift() ?? ALL_STORED);
    using it = await pushing(peer);
    const [first, second, third] = it.push(...jobs(3));
    expect(await Promise.all([first, third])).toEqual([jid(0), jid(2)]);
    expect(it.pusher.inFlight).toBe(1);
    expect(await meanwhile(second!)).toBe(jid(1));
    expect(batches(peer)[1]).toEqual([jid(1)]);
  });

  it('that stays unknown is DELIVERY_UNKNOWN in the end, with what Faktory said', async () => {
    await using peer = await Peer.start(() => refusing({ [jid(0)]: 'context deadline exceeded' }));
    using it = await pushing(peer, { deliveryTimeoutMs: 10_000 });
    const [pushed] = it.push(job(0));
    const rejected = expect(pushed).rejects.toMatchObject({
      code: 'DELIVERY_UNKNOWN',
      message: expect.stringContaining('context deadline exceeded'),
    });
    await meanwhile(rejected);
    expect(peer.commands.length).toBeGreaterThan(4);
    expect(peer.commands.length).toBeLessThan(20);
  });

  it('is told at once to who wants it at most once', async () => {
    await using peer = await Peer.start((command) =>
      jidsOf(command).includes(jid(0)) ? '-ERR context deadline exceeded\r\n' : ALL_STORED,
    );
    using it = await pushing(peer);
    await expect(it.pusher.push(job(0), { atMostOnce: true })).rejects.toMatchObject({
      code: 'DELIVERY_UNKNOWN',
    });
    expect(peer.commands).toHaveLength(1);
  });
});

describe('a lost connection', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('has what it carried sent again: the same jids, once more, in the order of the pushes', async () => {
    await using peer = await Peer.start(silent);
    using it = await pushing(peer);
    const pushed: Promise<string>[] = [];
    for (let k = 0; k < 5; k += 1) {
      pushed.push(...it.push(...jobs(2, 2 * k)));
      await peer.received(k + 1);
    }
    peer.script = () => ALL_STORED;
    peer.links[0]!.reset();
    await until(() => it.lanes.ready.length === 0);
    pushed.push(...it.push(...jobs(2, 10)));
    expect(await meanwhile(outcomes(pushed))).toEqual(jids(12));
    expect(peer.links[1]!.commands.flatMap(jidsOf)).toEqual(jids(12));
  });

  it('after the job was stored makes a second one, with the same jid: at least once', async () => {
    await using faktory = await startEmbeddedFaktory();
    const stored: string[] = [];
    await using peer = await Peer.start((command, link) => {
      stored.push(...jidsOf(command));
      if (link.number > 0) return ALL_STORED;
      link.cut();
      return undefined;
    });
    using it = await pushing(peer);
    const [pushed] = it.push(job(0));
    await until(() => it.lanes.ready.length === 0);
    expect(await meanwhile(pushed!)).toBe(jid(0));
    expect(stored).toEqual([jid(0), jid(0)]);
    expect(faktory.counts().enqueued).toBe(0);
  });

  it('is DELIVERY_UNKNOWN for who wants it at most once, and for nobody else', async () => {
    await using peer = await Peer.start((_command, link) => {
      if (link.number > 0) return ALL_STORED;
      link.cut();
      return undefined;
    });
    using it = await pushing(peer);
    const once = it.pusher.push(job(0), { atMostOnce: true });
    const again = it.pusher.push(job(1));
    await expect(once).rejects.toMatchObject({
      code: 'DELIVERY_UNKNOWN',
      cause: expect.objectContaining({ code: 'CONNECTION_LOST' }),
    });
    expect(await meanwhile(again)).toBe(jid(1));
    expect(peer.links[1]!.commands.flatMap(jidsOf)).toEqual([jid(1)]);
  });

  it('has what never left sent on the next, also for who wants it at most once', async () => {
    await using peer = await Peer.start();
    using it = await pushing(peer);
    peer.links[0]!.cut();
    await until(() => it.lanes.ready.length === 0);
    const once = it.pusher.push(job(0), { atMostOnce: true });
    await turns();
    expect(await meanwhile(once)).toBe(jid(0));
    expect(batches(peer)).toEqual([[jid(0)]]);
  });

  it('that was silent until its deadline leaves time for another try', async () => {
    await using peer = await Peer.start((_command, link) => (link.number === 0 ? undefined : ALL_STORED));
    using it = await pushing(peer, { deliveryTimeoutMs: 10_000 });
    const first = it.push(job(0));
    await peer.received(1);
    // Pipelined behind it, one byte of a reply 8 s later: 17 s until the deadline.
    vi.advanceTimersByTime(8_000);
    peer.links[0]!.say('$');
    await turns();
    vi.advanceTimersByTime(9_000);
    await until(() => it.lanes.ready.length === 0);
    peer.hi = '';
    vi.advanceTimersByTime(500);
    const link = await peer.link(1);
    vi.advanceTimersByTime(3_000);
    await turns();
    link.say('+HI {"v":2}\r\n');
    expect(await outcomes(first)).toEqual([jid(0)]);
  });
});

describe('a Faktory that is away', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const away = async (): Promise<Peer['address']> => {
    const peer = await Peer.start();
    const { address } = peer;
    await peer.close();
    return address;
  };

  it('is told after deliveryTimeoutMs, with the reason; what never left was certainly not stored', async () => {
    using it = new Pushing(await away(), { deliveryTimeoutMs: 10_000 });
    const [pushed] = it.push(job(0));
    const rejected = expect(pushed).rejects.toMatchObject({
      code: 'FAKTORY_UNREACHABLE',
      message: expect.stringMatching(/^job jid-000000 was not stored: .*ECONNREFUSED/),
    });
    for (let ms = 0; ms < 9_900; ms += 100) {
      await turns(2);
      vi.advanceTimersByTime(100);
    }
    expect(it.pusher.inFlight).toBe(1);
    for (let ms = 0; ms < 500; ms += 100) {
      await turns(2);
      vi.advanceTimersByTime(100);
    }
    await rejected;
    expect(it.pusher.inFlight).toBe(0);
  });

  it('is told to each in its own time', async () => {
    using it = new Pushing(await away(), { deliveryTimeoutMs: 1_000 });
    const told: string[] = [];
    const tell = (name: string) => () => void told.push(name);
    it.push(job(0))[0]!.catch(tell('first'));
    for (let ms = 0; ms < 2_000; ms += 100) {
      await turns(2);
      vi.advanceTimersByTime(100);
      if (ms === 500) it.push(job(1))[0]!.catch(tell('second'));
      if (ms === 1_400) expect(told).toEqual(['first']);
    }
    expect(told).toEqual(['first', 'second']);
  });

  it('that is back in time gets everything, in order', async () => {
    const address = await away();
    using it = new Pushing(address, { maxSize: 10 });
    const pushed = it.push(...jobs(25));
    for (let ms = 0; ms < 3_000; ms += 100) {
      await turns(2);
      vi.advanceTimersByTime(100);
    }
    await using peer = await Peer.start({ port: address.port });
    expect(await meanwhile(outcomes(pushed))).toEqual(jids(25));
    expect(batches(peer).flat()).toEqual(jids(25));
  });

  it('after the job was once sent leaves its outcome unknown', async () => {
    const peer = await Peer.start((_command, link) => {
      link.cut();
      return undefined;
    });
    using it = await pushing(peer, { deliveryTimeoutMs: 1_000 });
    const [pushed] = it.push(job(0));
    const rejected = expect(pushed).rejects.toMatchObject({
      code: 'DELIVERY_UNKNOWN',
      message: expect.stringContaining('may be stored or not'),
    });
    await until(() => it.lanes.ready.length === 0);
    await peer.close();
    await meanwhile(rejected);
  });
});

describe('a peer that fails at random', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('gets each job at least once, in order of first arrival, and no caller is forgotten', async () => {
    const random = seeded();
    /** Each once, at its first arrival. */
    const stored = new Set<string>();
    await using peer = await Peer.start((command, link) => {
      // What was pipelined behind a cut must not overtake what the cut took.
      if (link.socket.destroyed) return undefined;
      const fault = random.pick([
        ...Array(17).fill('none'),
        'cut before',
        'cut after',
        'cut within the reply',
      ]);
      if (fault !== 'cut before') for (const one of jidsOf(command)) stored.add(one);
      if (fault === 'none') return ALL_STORED;
      if (fault === 'cut within the reply') link.say(ALL_STORED.slice(0, 3));
      link.cut();
      return undefined;
    });
    using it = new Pushing(peer.address, {
      maxInFlight: 40,
      maxSize: 7,
      deliveryTimeoutMs: 1e9,
      maxLosses: Number.POSITIVE_INFINITY,
    });
    let most = 0;
    const pushed: Promise<string>[] = [];
    for (let k = 0; k < 600; k += 1) {
      pushed.push(
        it.pusher.admit(job(k), {}, () => {
          most = Math.max(most, it.pusher.inFlight);
        }),
      );
      if (random.int(1, 5) === 1) await turns(1);
    }
    expect(await meanwhile(outcomes(pushed), 250), `seed ${random.seed}`).toEqual(jids(600));
    expect([...stored], `seed ${random.seed}`).toEqual(jids(600));
    expect(most, `seed ${random.seed}`).toBe(40);
    expect(it.pusher.inFlightBytes).toBe(0);
  });
});

describe('a job that is only worth sending until a moment', () => {
  it('is not sent after it, and is certainly not stored; those beside it are', async () => {
    await using peer = await Peer.start(() => ALL_STORED);
    using it = await pushing(peer);
    const pushed = [
      it.pusher.push(job(1), { notAfter: performance.now() - 1 }),
      it.pusher.push(job(2)),
      it.pusher.push(job(3), { notAfter: performance.now() + 60_000 }),
    ];
    expect(await outcomes(pushed)).toEqual(['FAKTORY_UNREACHABLE', jid(2), jid(3)]);
    expect(batches(peer)).toEqual([[jid(2), jid(3)]]);
  });

  it('is given up while it waits for a lane', async () => {
    using it = new Pushing({ host: '127.0.0.1', port: 1, tls: false, password: undefined });
    const pushed = it.pusher.push(job(1), { notAfter: performance.now() + 50 });
    expect(await outcomes([pushed])).toEqual(['FAKTORY_UNREACHABLE']);
  });
});
