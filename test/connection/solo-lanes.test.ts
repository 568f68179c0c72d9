import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConnectionBudget } from '../../src/connection/budget.ts';
import { request } from '../../src/connection/command.ts';
import { SoloLanes } from '../../src/connection/solo-lanes.ts';
import { until } from '../helpers/until.ts';
import { turns } from './ask.ts';
import { OK, Peer } from './peer.ts';

const TIMEOUT_MS = 5_000;

function solo({ address }: Peer, budget = new ConnectionBudget(64)): SoloLanes {
  return new SoloLanes({ address, budget, hello: { v: 2, hostname: 'test' }, deadlineMs: 7_000 });
}

const run = (lanes: SoloLanes, command: string): Promise<string | null> =>
  lanes.use(TIMEOUT_MS, (lane) => request(lane, `${command}\r\n`));

describe('solo lanes', () => {
  it('give each command a socket of its own while it waits, also those that came in one tick', async () => {
    await using peer = await Peer.start(() => undefined);
    const lanes = solo(peer);
    const running = ['A', 'B', 'C'].map((command) => run(lanes, command));
    await peer.received(3);
    running.push(run(lanes, 'D'));
    await peer.received(4);
    expect(peer.links.map(({ commands }) => commands.length)).toEqual([1, 1, 1, 1]);
    for (const link of peer.links) link.say(OK);
    expect(await Promise.all(running)).toEqual(['OK', 'OK', 'OK', 'OK']);
    await lanes.close();
  });

  it('use a free one again, and keep one of those that nobody needs', async () => {
    await using peer = await Peer.start();
    const budget = new ConnectionBudget(64);
    const lanes = solo(peer, budget);
    for (let i = 0; i < 5; i += 1) await run(lanes, 'A');
    expect(peer.links).toHaveLength(1);
    await Promise.all(['A', 'B', 'C'].map((command) => run(lanes, command)));
    await until(() => budget.used === 1);
    expect(peer.open).toHaveLength(1);
    await run(lanes, 'A');
    expect(budget.used).toBe(1);
    await lanes.close();
    expect(budget.used).toBe(0);
  });

  it('take another one for a free one that was lost', async () => {
    await using peer = await Peer.start();
    const lanes = solo(peer);
    await run(lanes, 'A');
    peer.links[0]!.cut();
    await turns();
    expect(await run(lanes, 'B')).toBe('OK');
    expect(peer.links.map(({ commands }) => commands)).toEqual([['A'], ['B']]);
    await lanes.close();
  });

  it('pass on what the command rejects with, and live on', async () => {
    const replies = ['-ERR no\r\n', OK];
    await using peer = await Peer.start(() => replies.shift());
    const lanes = solo(peer);
    await expect(run(lanes, 'A')).rejects.toMatchObject({ code: 'COMMAND_REFUSED' });
    expect(await run(lanes, 'B')).toBe('OK');
    await lanes.close();
  });

  it('let who waits have what another is done with when there can be no more of them', async () => {
    await using peer = await Peer.start(() => undefined);
    const lanes = solo(peer, new ConnectionBudget(1));
    const running = ['A', 'B'].map((command) => run(lanes, command));
    await peer.received(1);
    peer.links[0]!.say(OK);
    await peer.received(2);
    peer.links[0]!.say(OK);
    expect(await Promise.all(running)).toEqual(['OK', 'OK']);
    expect(peer.links).toHaveLength(1);
    await lanes.close();
  });

  it('close lets what runs be answered, and tells who waits for a lane', async () => {
    await using peer = await Peer.start(() => undefined);
    const lanes = solo(peer, new ConnectionBudget(1));
    const running = run(lanes, 'A');
    const refused = expect(run(lanes, 'B')).rejects.toMatchObject({ code: 'CLOSED' });
    await peer.received(1);
    const closing = lanes.close();
    await refused;
    peer.links[0]!.say(OK);
    expect(await running).toBe('OK');
    await closing;
    expect(peer.commands).toEqual(['A']);
  });
});

describe('time', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('ends the wait for a lane, with the reason', async () => {
    await using peer = await Peer.start(() => undefined);
    const lanes = solo(peer, new ConnectionBudget(1));
    const running = run(lanes, 'A');
    const refused = expect(run(lanes, 'B')).rejects.toMatchObject({ code: 'CONNECTION_LIMIT' });
    await peer.received(1);
    vi.advanceTimersByTime(TIMEOUT_MS);
    // The one that runs keeps a lane: that there are no more is still the reason.
    await refused;
    peer.links[0]!.say(OK);
    await running;
    await lanes.close();
  });
});
