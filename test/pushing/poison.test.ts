import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { meanwhile, turns } from '../connection/ask.ts';
import { ALL_STORED, jidsOf, Peer, type Script } from '../connection/peer.ts';
import { seeded } from '../protocol/seeded.ts';
import { batches, jid, jids, job, jobs, outcomes, Pushing, pushing } from './pushing.ts';

/** Jobs whose PUSHB kills its connection each time. */
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A Faktory whose connection dies when it runs a PUSHB with one of these; what is behind it is never run. */
function diesOf(...poison: string[]): Script {
  return (command, link) => {
    if (link.socket.destroyed) return undefined;
    if (!jidsOf(command).some((one) => poison.includes(one))) return ALL_STORED;
    link.cut();
    return undefined;
  };
}

const EACH_ONCE = { maxSize: 10, deliveryTimeoutMs: 60_000 };

describe('a job that connections die of', () => {
  it('is found and given up as DELIVERY_UNKNOWN, and all others are stored', async () => {
    await using peer = await Peer.start(diesOf(jid(3)));
    using it = await pushing(peer, EACH_ONCE);
    const told = await meanwhile(outcomes(it.push(...jobs(25))));
    expect(told).toEqual(jids(25).map((one) => (one === jid(3) ? 'DELIVERY_UNKNOWN' : one)));
    expect(batches(peer).filter((batch) => batch.includes(jid(3)))).toEqual([
      jids(10),
      jids(10),
      [jid(3)],
      [jid(3)],
      [jid(3)],
    ]);
    expect(it.pusher.stats()).toMatchObject({ stored: 24, unknown: 1, inFlight: 0, waiting: 0 });
  });

  it('says so in one line, and why', async () => {
    await using peer = await Peer.start(diesOf(jid(0)));
    using it = await pushing(peer, EACH_ONCE);
    const [poison, other] = it.push(...jobs(2));
    const rejected = expect(poison).rejects.toMatchObject({
      code: 'DELIVERY_UNKNOWN',
      message: expect.stringMatching(
        /^job jid-000000 may be stored or not: 5 connections were lost with it .*$/,
      ),
      cause: { code: 'CONNECTION_LOST' },
    });
    await meanwhile(rejected);
    expect(await other).toBe(jid(1));
  });

  it('keeps pushes that come meanwhile waiting, but not for long, and not for ever', async () => {
    await using peer = await Peer.start(diesOf(jid(0)));
    using it = await pushing(peer, EACH_ONCE);
    const poison = outcomes(it.push(job(0)));
    const others: Promise<string>[] = [];
    for (let k = 1; k <= 20; k += 1) {
      others.push(...it.push(job(k)));
      await turns();
      vi.advanceTimersByTime(100);
    }
    expect(await meanwhile(outcomes(others))).toEqual(jids(20, 1));
    expect(await meanwhile(poison)).toEqual(['DELIVERY_UNKNOWN']);
  });

  it('that is the only one is given up deliveryTimeoutMs after its first loss', async () => {
    await using peer = await Peer.start(diesOf(jid(0)));
    using it = await pushing(peer, { deliveryTimeoutMs: 10_000 });
    expect(await meanwhile(outcomes(it.push(job(0))))).toEqual(['DELIVERY_UNKNOWN']);
    // Pauses of at most 0.5, 1, 2, 2 … s.
    expect(peer.commands.length).toBeGreaterThan(5);
    expect(peer.commands.length).toBeLessThan(16);
  });

  it('is not one that was only behind it, however often', async () => {
    const poison = jids(4);
    await using peer = await Peer.start(diesOf(...poison));
    using it = await pushing(peer, { ...EACH_ONCE, maxSize: 1 });
    const told = await meanwhile(outcomes(it.push(...jobs(8))));
    expect(told).toEqual([...Array(4).fill('DELIVERY_UNKNOWN'), ...jids(4, 4)]);
  });

  it('has a lane for itself: nothing of ours is sent behind it', async () => {
    await using peer = await Peer.start(diesOf(jid(0)));
    using it = await pushing(peer, { ...EACH_ONCE, maxLanes: 2 }, 2);
    const told = await meanwhile(outcomes(it.push(...jobs(100))));
    expect(told).toEqual(['DELIVERY_UNKNOWN', ...jids(99, 1)]);
    const alone = peer.links.filter(({ commands }) => commands.some((one) => jidsOf(one).join() === jid(0)));
    expect(alone).toHaveLength(3);
    for (const { commands } of alone) expect(jidsOf(commands.at(-1)!)).toEqual([jid(0)]);
  });
});

describe('an outage', () => {
  it('in which nothing gets through counts against no job: it is waited out', async () => {
    let up = false;
    await using peer = await Peer.start((_command, link) => {
      if (up) return ALL_STORED;
      link.cut();
      return undefined;
    });
    using it = await pushing(peer, EACH_ONCE);
    const pushed = it.push(...jobs(20));
    let settled = 0;
    for (const one of pushed) one.finally(() => (settled += 1)).catch(() => {});
    while (peer.commands.length < 12) {
      await turns();
      vi.advanceTimersByTime(100);
    }
    expect(settled).toBe(0);
    up = true;
    expect(await meanwhile(outcomes(pushed))).toEqual(jids(20));
  });
});

describe('several of them, at random places', () => {
  it('are the ones that are given up, and no other', async () => {
    const random = seeded();
    const poison = new Set(Array.from({ length: 4 }, () => jid(random.int(0, 199))));
    await using peer = await Peer.start(diesOf(...poison));
    using it = new Pushing(peer.address, {
      maxSize: random.int(1, 20),
      maxLanes: random.int(1, 2),
      deliveryTimeoutMs: 1e9,
    });
    // The last one shows that others get through.
    const told = await meanwhile(outcomes(it.push(...jobs(201))), 250);
    const expected = jids(201).map((one) => (poison.has(one) ? 'DELIVERY_UNKNOWN' : one));
    expect(told, `seed ${random.seed}`).toEqual(expected);
  });
});
