import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { meanwhile, turns } from '../connection/ask.ts';
import { ALL_STORED, jidsOf, Peer } from '../connection/peer.ts';
import { until } from '../helpers/until.ts';
import { jid, job, jobs, outcomes, pushing, refusing, silent } from './pushing.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('stats', () => {
  it('are all there from the start', async () => {
    await using peer = await Peer.start();
    using it = await pushing(peer);
    const { pushbJobs, pushbSeconds, ...numbers } = it.pusher.stats();
    expect(numbers).toEqual({
      inFlight: 0,
      inFlightBytes: 0,
      maxInFlight: 10_000,
      maxInFlightBytes: 256 * 1024 * 1024,
      asking: 0,
      waiting: 0,
      stored: 0,
      refused: 0,
      unknown: 0,
      unsent: 0,
      resent: 0,
      slow: 0,
    });
    expect([pushbJobs.count, pushbSeconds.count]).toEqual([0, 0]);
    expect(pushbJobs.bounds).toEqual([1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000]);
    expect(pushbSeconds.bounds).toEqual([
      0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]);
  });

  it('tell what is where: asking, waiting, on its way', async () => {
    await using peer = await Peer.start(silent);
    using it = await pushing(peer, { maxInFlight: 20, maxSize: 1, maxDelayMs: 1e6, gather: true });
    const pushed = jobs(25).map((one) => it.pusher.admit(one));
    for (const one of pushed) one.catch(() => {});
    expect(it.pusher.stats()).toMatchObject({ inFlight: 20, waiting: 20, asking: 5 });
    await peer.received(20);
    expect(it.pusher.stats()).toMatchObject({ inFlight: 20, waiting: 0, asking: 5 });
    expect(it.pusher.stats().inFlightBytes).toBe(20 * job(0).bytes);
  });

  it('count each job once by its outcome, and each PUSHB by its jobs and seconds', async () => {
    await using peer = await Peer.start(() =>
      refusing({ [jid(1)]: 'jobs must have an args parameter', [jid(2)]: 'context deadline exceeded' }),
    );
    using it = await pushing(peer, { deliveryTimeoutMs: 0 });
    const once = it.pusher.push(job(2), { atMostOnce: true });
    const told = outcomes([...it.push(job(0), job(1)), once]);
    expect(await told).toEqual([jid(0), 'JOB_REJECTED', 'DELIVERY_UNKNOWN']);
    const stats = it.pusher.stats();
    expect(stats).toMatchObject({ stored: 1, refused: 1, unknown: 1, unsent: 0, resent: 0, inFlight: 0 });
    expect([stats.pushbJobs.count, stats.pushbJobs.sum, stats.pushbSeconds.count]).toEqual([1, 3, 1]);
  });

  it('count what was sent again, and what never left', async () => {
    await using peer = await Peer.start(silent);
    using it = await pushing(peer, { deliveryTimeoutMs: 3_000 });
    const [first, second] = it.push(...jobs(2));
    await peer.received(1);
    peer.script = () => ALL_STORED;
    peer.links[0]!.cut();
    expect(await meanwhile(outcomes([first!, second!]))).toEqual([jid(0), jid(1)]);
    expect(it.pusher.stats()).toMatchObject({ stored: 2, resent: 2 });
    await peer.close();
    await until(() => it.lanes.ready.length === 0);
    expect(await meanwhile(outcomes(it.push(job(2))))).toEqual(['FAKTORY_UNREACHABLE']);
    expect(it.pusher.stats()).toMatchObject({ unsent: 1, unknown: 0 });
  });
});

describe('slow PUSHBs', () => {
  it('are those answered later than slowMs, and are told with their time and jobs', async () => {
    const told: [number, number][] = [];
    await using peer = await Peer.start(silent);
    const onSlow = (ms: number, count: number): void => void told.push([ms, count]);
    using it = await pushing(peer, { slowMs: 1_000, onSlow });
    for (const ms of [1_000, 1_001]) {
      const pushed = it.push(...jobs(3));
      await peer.received(1);
      vi.advanceTimersByTime(ms);
      peer.links[0]!.say(ALL_STORED);
      await Promise.all(pushed);
      peer.commands.length = 0;
    }
    await turns();
    expect(told).toEqual([[1_001, 3]]);
    const { slow, pushbSeconds } = it.pusher.stats();
    expect([slow, pushbSeconds.sum]).toEqual([1, expect.closeTo(2.001)]);
  });

  it('are none where slowMs is 0', async () => {
    const told: number[] = [];
    await using peer = await Peer.start(silent);
    using it = await pushing(peer, { slowMs: 0, onSlow: (ms) => void told.push(ms) });
    const pushed = it.push(job(0));
    await peer.received(1);
    vi.advanceTimersByTime(5_000);
    peer.links[0]!.say(ALL_STORED);
    await Promise.all(pushed);
    expect([told, it.pusher.stats().slow]).toEqual([[], 0]);
  });

  it('are nobody’s harm when who is told throws', async () => {
    const answered: string[] = [];
    await using peer = await Peer.start((command) => {
      answered.push(...jidsOf(command));
      return ALL_STORED;
    });
    using it = await pushing(peer, {
      slowMs: -1,
      onSlow: () => {
        throw new Error('oops');
      },
    });
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    try {
      expect(await outcomes(it.push(...jobs(3)))).toEqual(answered);
      expect(await outcomes(it.push(job(3)))).toEqual([jid(3)]);
      expect(it.lanes.counts).toMatchObject({ ready: 1, lost: 0 });
      expect(warned).toHaveBeenCalledTimes(2);
    } finally {
      warned.mockRestore();
    }
  });
});
