import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GROW_AFTER_MS } from '../../src/connection/allowance.ts';
import { ConnectionBudget } from '../../src/connection/budget.ts';
import { Lanes, type LanesOptions } from '../../src/connection/lanes.ts';
import { SoloLanes } from '../../src/connection/solo-lanes.ts';
import { until } from '../helpers/until.ts';
import { ask, turns } from './ask.ts';
import { OK, Peer, type PeerOptions } from './peer.ts';

/** Faults that do not heal by themselves, and the limit of connections. Only time stands still; sockets do not. */
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

class Watched implements Disposable {
  readonly options: LanesOptions;
  readonly lanes: Lanes;
  readonly faults: string[] = [];

  constructor(peer: Peer) {
    this.options = {
      address: peer.address,
      hello: { v: 2, hostname: 'test' },
      budget: new ConnectionBudget(64),
      deadlineMs: 9_000,
      onFault: (error) => this.faults.push(error.code),
    };
    this.lanes = new Lanes(this.options);
  }

  [Symbol.dispose](): void {
    this.lanes.destroy();
  }
}

/** So much faked time, with sockets read all the while. */
async function pass(ms: number, stepMs = 500): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    await turns();
    vi.advanceTimersByTime(stepMs);
  }
  await turns();
}

describe.each<[string, PeerOptions, string]>([
  ['a wrong password', { welcome: '-ERR Invalid password\r\n' }, 'FAKTORY_PASSWORD'],
  ['a password that is not given', { hi: '+HI {"v":2,"s":"5510","i":2}\r\n' }, 'FAKTORY_PASSWORD'],
  ['another version', { hi: '+HI {"v":3}\r\n' }, 'FAKTORY_VERSION'],
])('%s', (_name, options, code) => {
  it('is told at once to who waits for a lane, and to who comes later', async () => {
    await using peer = await Peer.start(options);
    using watched = new Watched(peer);
    const rejected = expect(watched.lanes.acquire(5_000)).rejects.toMatchObject({ code });
    await rejected;
    await expect(watched.lanes.acquire(5_000)).rejects.toMatchObject({ code });
    // Not one of their five seconds has passed, and nobody has knocked again.
    expect(peer.links).toHaveLength(1);
  });

  it('is waited out by who waits for as long as it takes', async () => {
    await using peer = await Peer.start(options);
    using watched = new Watched(peer);
    const told: string[] = [];
    watched.lanes.acquire(Number.POSITIVE_INFINITY).catch((error) => told.push(error.code));
    await pass(60_000);
    expect(told).toEqual([]);
    expect(peer.links.length).toBeGreaterThan(2);
    expect(peer.links.length).toBeLessThanOrEqual(12);
  });

  it('is told at once to who wants a lane of its own', async () => {
    await using peer = await Peer.start(options);
    using watched = new Watched(peer);
    const solo = new SoloLanes(watched.options);
    const never = async (): Promise<void> => {};
    await expect(solo.use(5_000, never)).rejects.toMatchObject({ code });
    await expect(solo.use(5_000, never)).rejects.toMatchObject({ code });
    expect(peer.links).toHaveLength(1);
    expect(watched.faults).toEqual([code]);
    await solo.close();
  });
});

describe('an ordinary fault', () => {
  it('is waited out until the time is over: it may heal', async () => {
    await using peer = await Peer.start({ hi: '' });
    using watched = new Watched(peer);
    const acquired = watched.lanes.acquire(5_000);
    (await peer.link(0)).cut();
    await until(() => watched.faults.length === 1);
    peer.hi = '+HI {"v":2}\r\n';
    vi.advanceTimersByTime(500);
    expect(await acquired).toBe(watched.lanes.ready[0]);
  });
});

describe('too many connections', () => {
  const REFUSAL = `${OK}-ERR too many connections: 3\r\n`;

  it('is knocked at ever more slowly, although each attempt is welcomed first', async () => {
    await using peer = await Peer.start({ welcome: REFUSAL });
    using watched = new Watched(peer);
    watched.lanes.want(1);
    await pass(60_000);
    // 3 to 6 s, then 6 to 12, 12 to 24, 15 to 30: an attempt each 3 to 6 s would have made ten or more.
    expect(peer.links.length).toBeGreaterThanOrEqual(3);
    expect(peer.links.length).toBeLessThanOrEqual(6);
    expect(new Set(watched.faults)).toEqual(new Set(['CONNECTION_LIMIT']));
  });

  it('is no hot loop for many lanes: ever fewer of them are tried', async () => {
    await using peer = await Peer.start({ welcome: REFUSAL });
    using watched = new Watched(peer);
    watched.lanes.want(16);
    await until(() => watched.faults.length === 16);
    await pass(60_000);
    // 16, and then 1 each time: after 3 to 6 s, 6 to 12, 12 to 24, 15 to 30.
    expect(peer.links.length).toBeLessThanOrEqual(16 + 5);
    const before = peer.links.length;
    await pass(60_000);
    expect(peer.links.length - before).toBeLessThanOrEqual(4);
  });

  it('leaves healthy lanes alone, and gets the others slowly once there is room', async () => {
    let limit = 3;
    await using peer = await Peer.start({
      welcome: (_hello, link) => {
        if (peer.open.length <= limit) return OK;
        setImmediate(() => link.cut());
        return REFUSAL;
      },
    });
    using watched = new Watched(peer);
    const { lanes } = watched;
    lanes.want(3);
    await until(() => lanes.ready.length === 3);
    const healthy = [...lanes.ready];
    lanes.want(8);
    await pass(120_000);
    expect(lanes.ready).toEqual(healthy);
    for (const lane of healthy) expect((await ask(lane, 'A').heard).reply).toBe('OK');
    // The five at first, and then a knock where fewer are up than are allowed.
    expect(peer.links.length).toBeLessThanOrEqual(3 + 5 + 4);
    limit = 64;
    await pass(8 * GROW_AFTER_MS);
    expect(lanes.ready).toHaveLength(8);
    expect(lanes.ready).toEqual(expect.arrayContaining(healthy));
    expect(lanes.wanted).toBe(8);
  });

  it('once there is room opens one by one, each when the one before it has had time to be refused', async () => {
    let limit = 0;
    await using peer = await Peer.start({
      welcome: (_hello, link) => {
        if (peer.open.length <= limit) return OK;
        setImmediate(() => link.cut());
        return REFUSAL;
      },
    });
    using watched = new Watched(peer);
    watched.lanes.want(16);
    await until(() => watched.faults.length === 16);
    await turns();
    limit = 64;
    const ups: number[] = [];
    for (let ms = 0; ms < 15_000; ms += 500) {
      await pass(500);
      ups.push(watched.lanes.ready.length);
    }
    // Half of those that were wanted, and never more than one more in half a second.
    expect(Math.max(...ups)).toBe(8);
    for (const [at, up] of ups.entries()) expect(up - (ups[at - 1] ?? 0)).toBeLessThanOrEqual(1);
  });

  it('is told to commands sent meanwhile as never carried out: Faktory did not read them', async () => {
    await using peer = await Peer.start({ script: () => '-ERR too many connections: 3\r\n' });
    using watched = new Watched(peer);
    watched.lanes.want(1);
    await until(() => watched.lanes.ready.length === 1);
    const ears = [ask(watched.lanes.ready[0]!, 'A'), ask(watched.lanes.ready[0]!, 'B')];
    await until(() => ears[1]!.times === 1);
    expect(ears.map(({ written, error }) => [written, error?.code])).toEqual([
      [false, 'CONNECTION_LIMIT'],
      [false, 'CONNECTION_LIMIT'],
    ]);
  });
});

describe('a lane that is welcomed and lost again', () => {
  it('before it was of any use makes the pauses longer', async () => {
    await using peer = await Peer.start({
      welcome: (_hello, link) => {
        setImmediate(() => link.cut());
        return OK;
      },
    });
    using watched = new Watched(peer);
    watched.lanes.want(1);
    await pass(20_000, 100);
    // At most 500, then each 450 to 900 ms: with the short pause each time there would be 40 or more.
    expect(peer.links.length).toBeLessThanOrEqual(36);
  });

  it('after it has stood for a while begins with the short pause again', async () => {
    await using peer = await Peer.start();
    using watched = new Watched(peer);
    watched.lanes.want(1);
    for (let k = 0; k < 4; k += 1) {
      await until(() => watched.lanes.ready.length === 1);
      await pass(5_000);
      peer.links[k]!.cut();
      await until(() => watched.faults.length === k + 1);
      vi.advanceTimersByTime(500);
    }
    await until(() => watched.lanes.ready.length === 1);
    expect(peer.links).toHaveLength(5);
  });
});
