import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ConnectionBudget } from '../../src/connection/budget.ts';
import type { Connection } from '../../src/connection/connection.ts';
import { Lanes, type LanesOptions } from '../../src/connection/lanes.ts';
import { MillraceError } from '../../src/errors.ts';
import { until } from '../helpers/until.ts';
import { seeded } from '../protocol/seeded.ts';
import { ask, turns } from './ask.ts';
import { HI, OK, Peer } from './peer.ts';

/** Lanes, and what their owner hears. */
class Watched implements Disposable {
  readonly lanes: Lanes;
  readonly faults: string[] = [];
  readonly lost: Connection[] = [];
  readonly readied: Connection[] = [];

  constructor(options: Partial<LanesOptions> & Pick<LanesOptions, 'address'>) {
    this.lanes = new Lanes({
      hello: { v: 2, hostname: 'test' },
      budget: new ConnectionBudget(64),
      deadlineMs: 9_000,
      onReady: (lane) => this.readied.push(lane),
      onLost: (lane) => this.lost.push(lane),
      onFault: (error) => this.faults.push(error.code),
      ...options,
      address: options.address,
    });
  }

  [Symbol.dispose](): void {
    this.lanes.destroy();
  }
}

/** Lanes with so many ready. */
async function ready(count: number, options: Partial<LanesOptions> & Pick<LanesOptions, 'address'>) {
  const watched = new Watched(options);
  watched.lanes.want(count);
  await until(() => watched.lanes.ready.length === count);
  return watched;
}

describe('lanes', () => {
  it('are as many as are wanted', async () => {
    await using peer = await Peer.start();
    using watched = new Watched(peer);
    const { lanes } = watched;
    expect([lanes.wanted, lanes.ready.length]).toEqual([0, 0]);
    lanes.want(2);
    await until(() => lanes.ready.length === 2);
    lanes.want(3);
    await until(() => lanes.ready.length === 3);
    expect(peer.links).toHaveLength(3);
    expect(watched.readied).toEqual(lanes.ready);
  });

  it('stay when fewer are wanted, until they are lost', async () => {
    await using peer = await Peer.start();
    using watched = await ready(3, peer);
    watched.lanes.want(1);
    await turns();
    expect(watched.lanes.ready).toHaveLength(3);
    for (const link of peer.links.slice(0, 2)) link.cut();
    await until(() => watched.lost.length === 2);
    expect([watched.lanes.ready.length, peer.links.length]).toEqual([1, 3]);
    // One that is up is enough for there to be nothing to tell.
    expect(watched.lanes.fault).toBeUndefined();
  });

  it('share the work: the next command goes to the one with the fewest unanswered', async () => {
    await using peer = await Peer.start(() => undefined);
    using watched = await ready(3, peer);
    const { lanes } = watched;
    for (let k = 0; k < 9; k += 1) ask(lanes.idlest()!, `QUEUE ${k}`);
    expect(lanes.ready.map((lane) => lane.unanswered)).toEqual([3, 3, 3]);
  });

  it('tell their owner of a loss before a receiver can pick the dead one again', async () => {
    await using peer = await Peer.start((_command, at) => {
      at.cut();
      return undefined;
    });
    using watched = await ready(1, peer);
    const { lanes } = watched;
    const picked = await new Promise((resolve) => {
      lanes.idlest()!.send('A\r\n', { onReply: resolve, onLost: () => resolve(lanes.idlest()) });
    });
    expect(picked).toBeUndefined();
    expect(watched.lost).toEqual(watched.readied);
  });
});

describe('what a receiver throws', () => {
  const thrower = {
    onReply: () => {
      throw new MillraceError('PROTOCOL_VIOLATION', 'oops');
    },
    onLost: () => {},
  };

  it('is told as INTERNAL with its cause, and the lane goes on', async () => {
    await using peer = await Peer.start();
    const told: MillraceError[] = [];
    using watched = await ready(1, { address: peer.address, onFault: (error) => told.push(error) });
    watched.lanes.ready[0]!.send('A\r\n', thrower);
    await ask(watched.lanes.ready[0]!, 'B').heard;
    expect(told).toMatchObject([
      { code: 'INTERNAL', cause: { code: 'PROTOCOL_VIOLATION', message: 'oops' } },
    ]);
    expect([watched.lanes.counts.lost, watched.lanes.fault]).toEqual([0, undefined]);
  });

  it.each<[string, LanesOptions['onFault']]>([
    ['nobody listens', undefined],
    [
      'who listens throws, too',
      () => {
        throw new Error('again');
      },
    ],
  ])('is a warning of the process when %s', async (_name, onFault) => {
    await using peer = await Peer.start();
    using watched = await ready(1, { address: peer.address, onFault });
    // Node would print it.
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    onTestFinished(() => warn.mockRestore());
    watched.lanes.ready[0]!.send('A\r\n', thrower);
    expect((await ask(watched.lanes.ready[0]!, 'B').heard).reply).toBe('OK');
    expect(warn.mock.calls).toMatchObject([[{ code: 'INTERNAL' }]]);
  });

  it('also what their owner throws on a lane that is ready, or lost', async () => {
    await using peer = await Peer.start();
    const told: string[] = [];
    const oops = (): void => {
      throw new Error('oops');
    };
    using watched = new Watched({
      address: peer.address,
      onFault: (error) => told.push(error.code),
      onReady: oops,
      onLost: oops,
    });
    watched.lanes.want(2);
    await until(() => watched.lanes.ready.length === 2);
    const ear = ask(watched.lanes.ready[0]!, 'A');
    watched.lanes.ready[0]!.destroy();
    expect(ear.error?.code).toBe('CONNECTION_LOST');
    expect(told).toEqual(['INTERNAL', 'INTERNAL', 'CONNECTION_LOST', 'INTERNAL']);
    await until(() => watched.lanes.ready.length === 2);
  });
});

describe('counts', () => {
  it('tell how many lanes there are in which state, and how many came and went', async () => {
    await using peer = await Peer.start(() => undefined);
    using watched = await ready(3, peer);
    const { lanes } = watched;
    const none = { ready: 0, connecting: 0, releasing: 0, wanted: 0, lost: 0, connects: 0 };
    expect(new Watched(peer).lanes.counts).toEqual(none);
    expect(lanes.counts).toEqual({ ...none, ready: 3, wanted: 3, connects: 3 });
    ask(lanes.ready[0]!, 'SLOW');
    void lanes.release(lanes.ready[0]!);
    expect(lanes.counts).toEqual({ ...none, ready: 2, releasing: 1, wanted: 2, connects: 3 });
    peer.hi = '';
    lanes.want(3);
    expect(lanes.counts).toMatchObject({ ready: 2, connecting: 1, wanted: 3 });
    peer.links[0]!.cut();
    await until(() => watched.lost.length === 1);
    expect(lanes.counts).toMatchObject({ lost: 1, connects: 3 });
  });
});

describe('silence', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Three lanes at rest of which only the second was heard of just now. */
  async function oneHeard(peer: Peer): Promise<{ watched: Watched; heard: Connection }> {
    const watched = await ready(3, peer);
    vi.advanceTimersByTime(5_000);
    const heard = watched.lanes.ready[1]!;
    await ask(heard, 'A').heard;
    return { watched, heard };
  }

  it('among lanes with as few unanswered, the one that was last heard of takes the next command', async () => {
    await using peer = await Peer.start();
    const { watched, heard } = await oneHeard(peer);
    using it = watched;
    expect(it.lanes.idlest()).toBe(heard);
    ask(heard, 'B');
    expect(it.lanes.idlest()).not.toBe(heard);
  });

  it('when one was found dead, those that have been silent as long are replaced, and no other', async () => {
    await using peer = await Peer.start();
    const { watched, heard } = await oneHeard(peer);
    using it = watched;
    it.lanes.dropSilent(5_001);
    expect(it.lost).toEqual([]);
    it.lanes.dropSilent(4_999);
    expect(it.lanes.ready).toEqual([heard]);
    expect(it.faults).toEqual(['CONNECTION_STALLED', 'CONNECTION_STALLED']);
    vi.advanceTimersByTime(500);
    await until(() => it.lanes.ready.length === 3);
    expect(it.lanes.ready).toContain(heard);
  });
});

describe('acquire', () => {
  it('takes a lane that is ready, or waits for the first', async () => {
    await using peer = await Peer.start();
    using watched = new Watched(peer);
    const { lanes } = watched;
    const waiting = [lanes.acquire(5_000), lanes.acquire(Number.POSITIVE_INFINITY)];
    expect(lanes.wanted).toBe(1);
    expect(await Promise.all(waiting)).toEqual([lanes.ready[0], lanes.ready[0]]);
    expect(await lanes.acquire(0)).toBe(lanes.ready[0]);
    expect(peer.links).toHaveLength(1);
  });

  it('is CLOSED for who waits, and for who comes later', async () => {
    await using peer = await Peer.start({ hi: '' });
    using watched = new Watched(peer);
    const waiting = watched.lanes.acquire(5_000);
    const rejected = expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
    await peer.link(0);
    await watched.lanes.close();
    await rejected;
    await expect(watched.lanes.acquire(5_000)).rejects.toMatchObject({ code: 'CLOSED' });
    // Nobody tries again, so nobody says so.
    expect(watched.faults).toEqual([]);
  });
});

describe('close and destroy', () => {
  it('close lets each lane answer what it has, then END, and opens nothing more', async () => {
    await using peer = await Peer.start(() => undefined);
    using watched = await ready(2, peer);
    const { lanes } = watched;
    const ears = lanes.ready.map((lane) => ask(lane, 'SLOW'));
    const closing = Promise.all([lanes.close(), lanes.close()]);
    await peer.received(2);
    expect(peer.open).toHaveLength(2);
    for (const link of peer.links) link.say(OK);
    await closing;
    await lanes.close();
    expect(ears.map(({ reply }) => reply)).toEqual(['OK', 'OK']);
    for (const link of peer.links) expect(link.chunks.join('')).toBe('SLOW\r\nEND\r\n');
    lanes.want(5);
    lanes.refresh();
    await turns();
    expect([peer.links.length, watched.faults]).toEqual([2, []]);
  });

  it('destroy ends all at once, and opens nothing more', async () => {
    await using peer = await Peer.start(() => undefined);
    const budget = new ConnectionBudget(5);
    using watched = await ready(2, { address: peer.address, budget });
    const { lanes } = watched;
    const ears = lanes.ready.map((lane) => ask(lane, 'SLOW'));
    lanes.want(3);
    expect(budget.used).toBe(3);
    lanes.destroy();
    lanes.destroy();
    expect(ears.map(({ times }) => times)).toEqual([1, 1]);
    expect([lanes.ready.length, budget.used]).toEqual([0, 0]);
    await lanes.close();
    lanes.refresh();
    expect(budget.used).toBe(0);
  });

  it('are safe before anything was opened', async () => {
    await using peer = await Peer.start();
    await new Watched(peer).lanes.close();
    new Watched(peer).lanes.destroy();
    expect(peer.links).toEqual([]);
  });
});

describe('release', () => {
  it('lets one lane answer what it has and end; meanwhile it takes nothing, and it is not replaced', async () => {
    await using peer = await Peer.start(() => undefined);
    using watched = await ready(2, peer);
    const { lanes } = watched;
    const [first, second] = [...lanes.ready];
    const ear = ask(first!, 'SLOW');
    ask(second!, 'A');
    ask(second!, 'B');
    const released = lanes.release(first!);
    expect(lanes.idlest()).toBe(second);
    expect(lanes.ready).toEqual([second]);
    await peer.received(3);
    for (const link of peer.links) if (link.commands.includes('SLOW')) link.say(OK);
    await released;
    expect(ear.reply).toBe('OK');
    await turns();
    expect([lanes.wanted, peer.links.length]).toEqual([1, 2]);
  });
});

describe('the gate', () => {
  it('keeps sockets from being opened until it lets them', async () => {
    await using peer = await Peer.start();
    let open = false;
    using watched = new Watched({ address: peer.address, gate: () => open });
    watched.lanes.want(2);
    await turns();
    expect(peer.links).toEqual([]);
    open = true;
    watched.lanes.refresh();
    await until(() => watched.lanes.ready.length === 2);
  });
});

describe('the budget', () => {
  it('is shared, and who waits gets what another gives back', async () => {
    await using peer = await Peer.start();
    const budget = new ConnectionBudget(3);
    using one = await ready(2, { address: peer.address, budget });
    using two = new Watched({ address: peer.address, budget });
    using three = new Watched({ address: peer.address, budget });
    two.lanes.want(2);
    three.lanes.want(1);
    await until(() => two.lanes.ready.length === 1);
    expect(budget.used).toBe(3);
    // The second one wants no more by then: the third gets its turn.
    two.lanes.want(1);
    await one.lanes.close();
    await until(() => three.lanes.ready.length === 1);
    expect(budget.used).toBe(2);
  });

  it('names itself as what keeps a lane from coming up', async () => {
    await using peer = await Peer.start();
    const budget = new ConnectionBudget(1);
    using first = await ready(1, { address: peer.address, budget });
    using second = new Watched({ address: peer.address, budget });
    await expect(second.lanes.acquire(1)).rejects.toMatchObject({
      code: 'CONNECTION_LIMIT',
      message: expect.stringContaining('FAKTORY_MAX_CONNECTIONS'),
    });
    expect(first.lanes.ready).toHaveLength(1);
  });

  it('is never exceeded, whatever is cut, and is whole in the end', async () => {
    const random = seeded();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      await using peer = await Peer.start();
      const budget = new ConnectionBudget(5);
      const all = Array.from({ length: 3 }, () => new Watched({ address: peer.address, budget }));
      for (const { lanes } of all) lanes.want(3);
      for (let step = 0; step < 60; step += 1) {
        await until(() => budget.used === 5 && all.flatMap(({ lanes }) => lanes.ready).length === 5, {
          what: () => `five lanes; seed ${random.seed}, step ${step}, used ${budget.used}`,
        });
        expect(peer.open.length, `seed ${random.seed}, step ${step}`).toBeLessThanOrEqual(5);
        const cut = random.pick(peer.open);
        cut.cut();
        const total = all.reduce((sum, { lost }) => sum + lost.length, 0);
        await until(() => all.reduce((sum, { lost }) => sum + lost.length, 0) > total);
        vi.advanceTimersByTime(2_000);
      }
      for (const { lanes } of all) lanes.destroy();
      expect(budget.used).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('after a loss', () => {
  // Only time stands still; sockets do not.
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('a lane is replaced, after a pause', async () => {
    await using peer = await Peer.start();
    using watched = await ready(1, peer);
    peer.links[0]!.cut();
    await until(() => watched.lost.length === 1);
    expect(watched.lanes.ready).toEqual([]);
    expect(watched.lanes.fault?.code).toBe('CONNECTION_LOST');
    expect(watched.faults).toEqual(['CONNECTION_LOST']);
    vi.advanceTimersByTime(249);
    await turns();
    expect(peer.links).toHaveLength(1);
    vi.advanceTimersByTime(251);
    await until(() => watched.lanes.ready.length === 1);
    expect(watched.lanes.fault).toBeUndefined();
    // It came up, and was of use: the next loss begins with the short pause again.
    await ask(watched.lanes.ready[0]!, 'A').heard;
    peer.links[1]!.cut();
    await until(() => watched.lost.length === 2);
    vi.advanceTimersByTime(500);
    await until(() => watched.lanes.ready.length === 1);
  });

  it('of all, only one attempt is under way at a time, and the others follow the first that is up', async () => {
    await using peer = await Peer.start();
    using watched = await ready(4, peer);
    peer.hi = '';
    for (const link of peer.links) link.cut();
    await until(() => watched.lost.length === 4);
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      vi.advanceTimersByTime(2_000);
      await until(() => peer.links.length === 4 + attempt);
      await turns();
      expect(peer.open).toHaveLength(1);
      peer.open[0]!.cut();
      await until(() => watched.faults.length === 4 + attempt);
    }
    vi.advanceTimersByTime(2_000);
    await until(() => peer.open.length === 1);
    peer.hi = HI;
    peer.open[0]!.say(HI);
    await until(() => watched.lanes.ready.length === 4);
    expect(watched.lost).toHaveLength(4);
  });

  it('an attempt that fails is followed by longer pauses, under a second', async () => {
    const peer = await Peer.start();
    const { address } = peer;
    await peer.close();
    using watched = new Watched({ address });
    watched.lanes.want(1);
    for (const [k, most] of [500, 900, 900, 900, 900].entries()) {
      await until(() => watched.faults.length === k + 1);
      vi.advanceTimersByTime(most / 2 - 1);
      await turns();
      expect(watched.faults).toHaveLength(k + 1);
      vi.advanceTimersByTime(most / 2 + 1);
    }
    expect(new Set(watched.faults)).toEqual(new Set(['FAKTORY_UNREACHABLE']));
  });

  it.each([
    ['a wrong password', { welcome: '-ERR Invalid password\r\n' }, 'FAKTORY_PASSWORD'],
    ['another version', { hi: '+HI {"v":3}\r\n' }, 'FAKTORY_VERSION'],
    ['its limit', { welcome: '+OK\r\n-ERR too many connections: 2001\r\n' }, 'CONNECTION_LIMIT'],
  ])('knocks slowly for what does not heal by itself: %s', async (_name, options, code) => {
    await using peer = await Peer.start(options);
    using watched = new Watched(peer);
    watched.lanes.want(1);
    await until(() => watched.faults.length === 1);
    vi.advanceTimersByTime(2_999);
    await turns();
    expect(peer.links).toHaveLength(1);
    vi.advanceTimersByTime(3_001);
    await until(() => watched.faults.length === 2);
    expect([peer.links.length, ...watched.faults]).toEqual([2, code, code]);
  });

  it('acquire gives up in its time, telling what kept the lane from coming up', async () => {
    const peer = await Peer.start();
    const { address } = peer;
    await peer.close();
    using watched = new Watched({ address });
    const acquired = watched.lanes.acquire(5_000);
    const rejected = expect(acquired).rejects.toMatchObject({
      code: 'FAKTORY_UNREACHABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    await until(() => watched.faults.length === 1);
    vi.advanceTimersByTime(5_000);
    await rejected;
  });

  it('acquire does not blame a fault of the past', async () => {
    await using peer = await Peer.start();
    using watched = await ready(1, peer);
    peer.links[0]!.cut();
    await until(() => watched.lost.length === 1);
    vi.advanceTimersByTime(500);
    await until(() => watched.lanes.ready.length === 1);
    await watched.lanes.release(watched.lanes.ready[0]!);
    peer.hi = '';
    const rejected = expect(watched.lanes.acquire(1_000)).rejects.toMatchObject({
      code: 'FAKTORY_UNREACHABLE',
    });
    vi.advanceTimersByTime(1_000);
    await rejected;
  });

  it('destroy ends the pause, too', async () => {
    await using peer = await Peer.start();
    using watched = await ready(1, peer);
    peer.links[0]!.cut();
    await until(() => watched.lost.length === 1);
    watched.lanes.destroy();
    expect(vi.getTimerCount()).toBe(0);
  });
});
