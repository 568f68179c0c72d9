import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startEmbeddedFaktory } from '../../src/embedded/index.ts';
import { MillraceError } from '../../src/errors.ts';
import { turns } from '../connection/ask.ts';
import { ALL_STORED, jidsOf, Peer } from '../connection/peer.ts';
import { until } from '../helpers/until.ts';
import { batches, jid, jids, job, jobs, outcomes, Pushing, pushing, refusing, silent } from './pushing.ts';

describe('gathering', () => {
  it('sends what is pushed in one tick as one PUSHB, in order', async () => {
    await using peer = await Peer.start();
    using it = await pushing(peer);
    expect(await Promise.all(it.push(...jobs(50)))).toEqual(jids(50));
    expect(batches(peer)).toEqual([jids(50)]);
    expect(peer.commands[0]).toBe(
      `PUSHB [${jobs(50)
        .map(({ json }) => json)
        .join(',')}]`,
    );
  });

  it('sends what is pushed while there is no lane yet as one PUSHB, too', async () => {
    await using peer = await Peer.start();
    using it = new Pushing(peer.address);
    const pushed = it.push(...jobs(3));
    await turns(2);
    pushed.push(...it.push(...jobs(3, 3)));
    expect(await Promise.all(pushed)).toEqual(jids(6));
    expect(batches(peer)).toEqual([jids(6)]);
  });

  it('puts at most BATCH_MAX_SIZE into one', async () => {
    await using peer = await Peer.start();
    using it = await pushing(peer, { maxSize: 100 });
    await Promise.all(it.push(...jobs(250)));
    expect(batches(peer).map(({ length }) => length)).toEqual([100, 100, 50]);
    expect(batches(peer).flat()).toEqual(jids(250));
  });

  it('puts at most 1 MiB into one, counted in bytes; what is larger by itself travels alone', async () => {
    await using peer = await Peer.start();
    using it = await pushing(peer);
    // 100,000 characters of three bytes each: three of them fit, four do not.
    const wide = Array.from({ length: 7 }, (_, k) => job(k, ['€'.repeat(100_000)]));
    const huge = job(7, ['x'.repeat(2_000_000)]);
    const small = job(8);
    await Promise.all(it.push(...wide, huge, small));
    expect(batches(peer).map(({ length }) => length)).toEqual([3, 3, 1, 1, 1]);
    for (const command of peer.commands) {
      const alone = jidsOf(command).length === 1;
      if (!alone) expect(Buffer.byteLength(command)).toBeLessThanOrEqual(1024 * 1024);
    }
  });

  it('never puts a jid into one twice: the reply could not tell them apart', async () => {
    await using peer = await Peer.start((command) =>
      command.includes('"again"') ? refusing({ [jid(0)]: 'jobs must have an args parameter' }) : ALL_STORED,
    );
    using it = await pushing(peer);
    const pushed = it.push(job(0), job(1), job(0, ['again']), job(2));
    expect(await outcomes(pushed)).toEqual([jid(0), jid(1), 'JOB_REJECTED', jid(2)]);
    expect(batches(peer)).toEqual([
      [jid(0), jid(1)],
      [jid(0), jid(2)],
    ]);
  });

  it('sends each alone when BATCH_AUTO_ENABLED is off, and does not wait for replies', async () => {
    await using peer = await Peer.start(silent);
    using it = await pushing(peer, { gather: false });
    const pushed = it.push(...jobs(20));
    await peer.received(20);
    expect(batches(peer)).toEqual(jids(20).map((one) => [one]));
    peer.links[0]!.say(ALL_STORED.repeat(20));
    expect(await outcomes(pushed)).toEqual(jids(20));
  });
});

describe('over a long way', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('PUSHBs are spread over the round trip; one alone leaves at once', async () => {
    await using peer = await Peer.start(silent);
    using it = await pushing(peer, { maxLanes: 1 });
    const first = it.push(job(0));
    await peer.received(1);
    vi.advanceTimersByTime(80);
    peer.links[0]!.say(ALL_STORED);
    await Promise.all(first);
    // 80 ms and eight unanswered at most: one each 10 ms.
    const pushed = it.push(job(1));
    await peer.received(2);
    for (let k = 2; k < 11; k += 1) {
      vi.advanceTimersByTime(1);
      pushed.push(...it.push(job(k)));
      await turns();
    }
    expect(peer.commands).toHaveLength(2);
    vi.advanceTimersByTime(1);
    await peer.received(3);
    pushed.push(...it.push(job(11)));
    await turns();
    expect(peer.commands).toHaveLength(3);
    vi.advanceTimersByTime(10);
    await peer.received(4);
    expect(batches(peer).slice(1)).toEqual([jids(1, 1), jids(9, 2), jids(1, 11)]);
    peer.links[0]!.say(ALL_STORED.repeat(3));
    expect(await outcomes(pushed)).toEqual(jids(11, 1));
  });
});

describe('the depth of a lane', () => {
  /** Pushes one by one, each in a tick of its own, until the lane takes no more. */
  async function fill(it: Pushing, peer: Peer): Promise<Promise<string>[]> {
    const pushed: Promise<string>[] = [];
    for (let k = 0; k < 8; k += 1) {
      pushed.push(...it.push(job(k)));
      await peer.received(k + 1);
    }
    return pushed;
  }

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is eight PUSHBs; then pushes gather, and leave as one with the next reply', async () => {
    await using peer = await Peer.start(silent);
    using it = await pushing(peer);
    const pushed = await fill(it, peer);
    for (let k = 8; k < 12; k += 1) {
      pushed.push(...it.push(job(k)));
      await turns(2);
    }
    expect(peer.commands).toHaveLength(8);
    peer.links[0]!.say(ALL_STORED);
    await peer.received(9);
    expect(batches(peer)[8]).toEqual(jids(4, 8));
    peer.links[0]!.say(ALL_STORED.repeat(8));
    expect(await outcomes(pushed)).toEqual(jids(12));
  });

  it('is no bound for a PUSHB that is full', async () => {
    await using peer = await Peer.start(silent);
    using it = await pushing(peer, { maxSize: 10 });
    const pushed = await fill(it, peer);
    pushed.push(...it.push(...jobs(25, 8)));
    await peer.received(10);
    await turns();
    expect(batches(peer).slice(8)).toEqual([jids(10, 8), jids(10, 18)]);
    void Promise.allSettled(pushed);
  });

  it('is no bound for what has waited BATCH_MAX_DELAY_MS, counted from the first of them', async () => {
    await using peer = await Peer.start(silent);
    using it = await pushing(peer, { maxDelayMs: 50 });
    const pushed = await fill(it, peer);
    pushed.push(...it.push(job(8)));
    await turns(2);
    vi.advanceTimersByTime(40);
    pushed.push(...it.push(job(9)));
    await turns(2);
    expect(peer.commands).toHaveLength(8);
    vi.advanceTimersByTime(10);
    await peer.received(9);
    expect(batches(peer)[8]).toEqual(jids(2, 8));
    // And so again for the next ones.
    pushed.push(...it.push(job(10)));
    await turns(2);
    vi.advanceTimersByTime(49);
    await turns();
    expect(peer.commands).toHaveLength(9);
    vi.advanceTimersByTime(1);
    await peer.received(10);
    void Promise.allSettled(pushed);
  });

  it('counts the delay of those that a full PUSHB left behind from their own arrival', async () => {
    await using peer = await Peer.start(silent);
    using it = await pushing(peer, { maxSize: 10, maxDelayMs: 50 });
    const pushed = await fill(it, peer);
    pushed.push(...it.push(...jobs(9, 8)));
    await turns(2);
    vi.advanceTimersByTime(30);
    pushed.push(...it.push(...jobs(3, 17)));
    await peer.received(9);
    await turns(2);
    expect(batches(peer)[8]).toEqual(jids(10, 8));
    vi.advanceTimersByTime(49);
    await turns();
    expect(peer.commands).toHaveLength(9);
    vi.advanceTimersByTime(1);
    await peer.received(10);
    expect(batches(peer)[9]).toEqual(jids(2, 18));
    void Promise.allSettled(pushed);
  });

  it.each([
    ['pushes gather', {}, 9],
    ['PUSHBs are full', { maxSize: 1 }, 9],
    ['each travels alone', { gather: false }, 9],
  ])('opens another lane when it is reached while %s, up to maxLanes', async (_name, options, count) => {
    await using peer = await Peer.start(silent);
    using it = await pushing(peer, { ...options, maxLanes: 2 });
    const pushed = await fill(it, peer);
    pushed.push(...it.push(...jobs(count - 8, 8)));
    await until(() => it.lanes.ready.length === 2);
    pushed.push(...it.push(job(count)));
    await until(() => peer.links[1]!.commands.length > 0);
    pushed.push(...it.push(...jobs(100, 100)));
    await turns();
    expect(peer.links).toHaveLength(2);
    void Promise.allSettled(pushed);
  });
});

describe('the reply', () => {
  it('reaches each caller with the error of its own job', async () => {
    const map = {
      [jid(1)]: 'jobs must have an args parameter',
      [jid(3)]: 'cannot get "x y" queue: queue names must match \\A[a-zA-Z0-9._-]+\\z',
    };
    await using peer = await Peer.start(() => refusing(map));
    using it = await pushing(peer);
    const pushed = it.push(...jobs(5));
    expect(await outcomes(pushed)).toEqual([jid(0), 'JOB_REJECTED', jid(2), 'JOB_REJECTED', jid(4)]);
    await expect(pushed[1]).rejects.toThrow(
      `Faktory refused job ${jid(1)}: jobs must have an args parameter`,
    );
    expect(it.pusher.inFlight).toBe(0);
  });

  it('`invalid JSON` for several: each goes again alone, in order, and only the culprit is told', async () => {
    await using peer = await Peer.start((command) =>
      jidsOf(command).includes(jid(2)) ? '-ERR invalid JSON: json: cannot unmarshal\r\n' : ALL_STORED,
    );
    using it = await pushing(peer);
    expect(await outcomes(it.push(...jobs(5)))).toEqual([jid(0), jid(1), 'JOB_REJECTED', jid(3), jid(4)]);
    expect(batches(peer)).toEqual([jids(5), ...jids(5).map((one) => [one])]);
  });

  it('`invalid JSON`: those that go again alone keep out of the PUSHBs of others', async () => {
    let first = true;
    await using peer = await Peer.start(() => {
      const reply = first ? '-ERR invalid JSON: json: cannot unmarshal\r\n' : ALL_STORED;
      first = false;
      return reply;
    });
    using it = await pushing(peer);
    const pushed = it.push(...jobs(2));
    await peer.received(1);
    pushed.push(...it.push(...jobs(2, 2)));
    expect(await outcomes(pushed)).toEqual(jids(4));
    for (const batch of batches(peer).slice(1)) {
      if (batch.includes(jid(0)) || batch.includes(jid(1))) expect(batch).toHaveLength(1);
    }
  });
});

describe('pressure', () => {
  it('closes at the limit, and lets in who waits once half has drained, in the order of asking', async () => {
    await using peer = await Peer.start(silent);
    using it = await pushing(peer, { maxInFlight: 4, gather: false });
    const { pusher } = it;
    const first = it.push(...jobs(4));
    expect([pusher.hasRoom, pusher.inFlight]).toEqual([false, 4]);
    const admitted: number[] = [];
    const asking = [4, 5, 6, 7].map((k) => pusher.admit(job(k), {}, () => admitted.push(k)));
    await peer.received(4);
    peer.links[0]!.say(ALL_STORED);
    await first[0];
    expect([pusher.hasRoom, admitted]).toEqual([false, []]);
    peer.links[0]!.say(ALL_STORED);
    await first[1];
    // Two of four have drained: there is room for two, and then none.
    expect([pusher.hasRoom, pusher.inFlight, admitted]).toEqual([false, 4, [4, 5]]);
    peer.links[0]!.say(ALL_STORED.repeat(2));
    await first[3];
    expect(admitted).toEqual([4, 5, 6, 7]);
    await peer.received(8);
    peer.links[0]!.say(ALL_STORED.repeat(4));
    expect(await outcomes(asking)).toEqual(jids(4, 4));
    expect([pusher.hasRoom, pusher.inFlight, pusher.inFlightBytes]).toEqual([true, 0, 0]);
  });

  it('counts bytes, in UTF-8', async () => {
    await using peer = await Peer.start(silent);
    const wide = job(0, ['€'.repeat(1_000)]);
    expect(wide.bytes).toBe(Buffer.byteLength(wide.json));
    using it = await pushing(peer, { maxInFlightBytes: wide.bytes + 1 });
    const pushed = it.push(wide);
    expect([it.pusher.hasRoom, it.pusher.inFlightBytes]).toEqual([true, wide.bytes]);
    pushed.push(...it.push(job(1)));
    expect(it.pusher.hasRoom).toBe(false);
    void Promise.allSettled(pushed);
  });

  it('is never exceeded, however many ask', async () => {
    await using peer = await Peer.start();
    using it = await pushing(peer, { maxInFlight: 10, maxSize: 3 });
    let most = 0;
    const asking = jobs(500).map((one) =>
      it.pusher.admit(one, {}, () => {
        most = Math.max(most, it.pusher.inFlight);
      }),
    );
    expect(await outcomes(asking)).toEqual(jids(500));
    expect(most).toBe(10);
    expect(batches(peer).flat()).toEqual(jids(500));
  });

  it('lets go of a job that was refused, or whose outcome stays unknown', async () => {
    await using peer = await Peer.start(() => refusing({ [jid(0)]: 'jobs must have an args parameter' }));
    using it = await pushing(peer, { maxInFlight: 1 });
    expect(await outcomes([it.pusher.admit(job(0)), it.pusher.admit(job(1))])).toEqual([
      'JOB_REJECTED',
      jid(1),
    ]);
    expect(it.pusher.inFlight).toBe(0);
  });
});

describe('waiting for the end', () => {
  it('idle waits for all, also those that come meanwhile and those that wait for room', async () => {
    await using peer = await Peer.start(silent);
    using it = await pushing(peer, { maxInFlight: 1 });
    const pushed = [it.pusher.admit(job(0)), it.pusher.admit(job(1))];
    let idle = false;
    const ended = it.pusher.idle().then(() => {
      idle = true;
    });
    await peer.received(1);
    pushed.push(it.pusher.admit(job(2)));
    for (const count of [1, 2, 3]) {
      await peer.received(count);
      await turns();
      expect(idle).toBe(false);
      peer.links[0]!.say(ALL_STORED);
    }
    await ended;
    expect(await outcomes(pushed)).toEqual(jids(3));
    await it.pusher.idle();
  });

  it('settled waits for what was asked by then, whatever is pushed meanwhile', async () => {
    await using peer = await Peer.start(silent);
    using it = await pushing(peer, { gather: false, maxInFlight: 2 });
    const pushed = [0, 1, 2].map((k) => it.pusher.admit(job(k)));
    const settled = it.pusher.settled();
    pushed.push(it.pusher.admit(job(3)));
    await peer.received(2);
    peer.links[0]!.say(ALL_STORED.repeat(2));
    await peer.received(4);
    let done = false;
    void settled.then(() => {
      done = true;
    });
    await turns();
    expect(done).toBe(false);
    peer.links[0]!.say(ALL_STORED);
    await settled;
    expect(it.pusher.inFlight).toBe(1);
    void Promise.allSettled(pushed);
  });

  it('abandon tells all that wait, and those that come later', async () => {
    await using peer = await Peer.start(() => refusing({ [jid(0)]: 'context deadline exceeded' }));
    using it = await pushing(peer, { maxInFlight: 2 });
    const resting = it.pusher.admit(job(0));
    await peer.received(1);
    await turns();
    it.lanes.destroy();
    const waiting = it.pusher.admit(job(1));
    const asking = it.pusher.admit(job(2));
    it.pusher.abandon(new MillraceError('SHUTDOWN'));
    const later = it.pusher.admit(job(3));
    expect(await outcomes([resting, waiting, asking, later])).toEqual([
      'DELIVERY_UNKNOWN',
      'FAKTORY_UNREACHABLE',
      'FAKTORY_UNREACHABLE',
      'FAKTORY_UNREACHABLE',
    ]);
    expect([it.pusher.inFlight, it.pusher.inFlightBytes]).toEqual([0, 0]);
    await it.pusher.idle();
  });
});

describe('against Faktory', () => {
  it('stores everything once, in order', async () => {
    await using faktory = await startEmbeddedFaktory();
    using it = new Pushing({ host: '127.0.0.1', port: faktory.port, tls: false, password: undefined });
    await Promise.all(jobs(2_000).map((one) => it.pusher.admit(one)));
    expect(faktory.counts()).toMatchObject({ enqueued: 2_000, queues: { default: 2_000 } });
  });

  it('tells what it refuses, and stores the rest', async () => {
    await using faktory = await startEmbeddedFaktory();
    using it = new Pushing({ host: '127.0.0.1', port: faktory.port, tls: false, password: undefined });
    const wrong = { jid: jid(1), queue: 'default', bytes: 1 };
    const pushed = it.push(
      job(0),
      // What encodeJob does not let through: a broken rule, and a wrong type that has the whole PUSHB refused.
      { ...wrong, json: `{"jid":"${jid(1)}","jobtype":"","args":[]}` },
      { ...wrong, jid: jid(2), json: `{"jid":"${jid(2)}","jobtype":"test","args":[],"retry":"x"}` },
      job(3),
    );
    expect(await outcomes(pushed)).toEqual([jid(0), 'JOB_REJECTED', 'JOB_REJECTED', jid(3)]);
    expect(faktory.counts().enqueued).toBe(2);
  });
});
