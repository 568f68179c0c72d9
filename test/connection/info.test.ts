import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConnectionBudget } from '../../src/connection/budget.ts';
import { askInfo, infoWaitMs } from '../../src/connection/info.ts';
import { Lanes } from '../../src/connection/lanes.ts';
import { askQueues } from '../../src/connection/queue-report.ts';
import { until } from '../helpers/until.ts';
import { bulk, Peer, type Script } from './peer.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function ready(peer: Peer, count = 1): Promise<Lanes & Disposable> {
  const { address } = peer;
  const options = { hello: { v: 2, hostname: 'test' }, budget: new ConnectionBudget(64), deadlineMs: 9_000 };
  const lanes = new Lanes({ ...options, address });
  lanes.want(count);
  await until(() => lanes.ready.length === count);
  return Object.assign(lanes, { [Symbol.dispose]: () => lanes.destroy() });
}

const SETS = { scheduled: 1, working: 2, retries: 3, dead: 4 };
/** A Faktory of these queues, in JSON, that tells these latencies. */
const faktory =
  (queues: string, latencies: string): Script =>
  (command) =>
    bulk(command === 'INFO' ? `{"faktory":{"queues":${queues},"sets":${JSON.stringify(SETS)}}}` : latencies);

describe('INFO', () => {
  it('is asked once in 15 s, for whoever asks', async () => {
    await using peer = await Peer.start(faktory('{}', '{}'));
    using lanes = await ready(peer);
    expect(infoWaitMs(peer.address)).toBe(0);
    const [one, other] = await Promise.all([askInfo(peer.address, lanes), askInfo(peer.address, lanes)]);
    expect(other.info).toBe(one.info);
    vi.advanceTimersByTime(14_000);
    expect(infoWaitMs(peer.address)).toBe(1_000);
    await askInfo(peer.address, lanes);
    expect(peer.commands).toEqual(['INFO']);
    vi.advanceTimersByTime(1_000);
    expect(infoWaitMs(peer.address)).toBe(0);
    expect((await askInfo(peer.address, lanes)).askedAt).toBe(one.askedAt + 15_000);
    expect(peer.commands).toEqual(['INFO', 'INFO']);
  });

  it.each<[string, Script, string]>([
    [
      'whose answer was lost',
      (_command, link) => {
        link.cut();
        return undefined;
      },
      'CONNECTION_LOST',
    ],
    ['that was refused', () => '-ERR no\r\n', 'COMMAND_REFUSED'],
  ])('%s is not asked again before', async (_what, script, code) => {
    await using peer = await Peer.start(script);
    using lanes = await ready(peer, 2);
    await expect(askInfo(peer.address, lanes)).rejects.toMatchObject({ code });
    expect(infoWaitMs(peer.address)).toBe(15_000);
    await expect(askInfo(peer.address, lanes)).rejects.toMatchObject({ code });
    expect(peer.commands).toEqual(['INFO']);
    peer.script = faktory('{}', '{}');
    vi.advanceTimersByTime(15_000);
    await until(() => lanes.ready.length > 0);
    expect((await askInfo(peer.address, lanes)).info.faktory.sets).toEqual(SETS);
  });

  it('that no lane could take may be asked at once', async () => {
    await using peer = await Peer.start(faktory('{}', '{}'));
    using lanes = await ready(peer);
    lanes.ready[0]!.destroy();
    await expect(askInfo(peer.address, lanes)).rejects.toMatchObject({ code: expect.any(String) });
    expect(infoWaitMs(peer.address)).toBe(0);
    await until(() => lanes.ready.length > 0);
    await askInfo(peer.address, lanes);
    expect(peer.commands).toEqual(['INFO']);
  });
});

describe('the report of queues', () => {
  it('asks for latencies once for each INFO', async () => {
    await using peer = await Peer.start(faktory('{"a":1,"b":2}', '{"a":0.5}'));
    using lanes = await ready(peer);
    const report = {
      queues: { a: { size: 1, latencySeconds: 0.5 }, b: { size: 2, latencySeconds: undefined } },
      sets: SETS,
      askedAt: expect.any(Number),
    };
    const ask = (): Promise<unknown> => askQueues(peer.address, lanes);
    expect(await Promise.all([ask(), ask()])).toEqual([report, report]);
    expect(await ask()).toEqual(report);
    expect(peer.commands).toEqual(['INFO', 'QUEUE LATENCY a b']);
    vi.advanceTimersByTime(15_000);
    await ask();
    expect(peer.commands).toHaveLength(4);
  });

  it('takes no latency but the numbers that Faktory told, whatever a queue is called', async () => {
    const queues = '{"constructor":1,"__proto__":2,"toString":3,"a":4}';
    await using peer = await Peer.start(faktory(queues, '{"__proto__":1.5,"a":"soon"}'));
    using lanes = await ready(peer);
    const { queues: told } = await askQueues(peer.address, lanes);
    expect(Object.entries(told)).toEqual([
      ['constructor', { size: 1, latencySeconds: undefined }],
      ['__proto__', { size: 2, latencySeconds: 1.5 }],
      ['toString', { size: 3, latencySeconds: undefined }],
      ['a', { size: 4, latencySeconds: undefined }],
    ]);
  });

  it.each(['null', '5', 'no JSON', '[]'])('does without latencies that are %s', async (latencies) => {
    await using peer = await Peer.start(faktory('{"a":1}', latencies));
    using lanes = await ready(peer);
    const { queues } = await askQueues(peer.address, lanes);
    expect(queues).toEqual({ a: { size: 1, latencySeconds: undefined } });
  });

  it('asks for those of the first 100 queues', async () => {
    const queues = JSON.stringify(Object.fromEntries(Array.from({ length: 101 }, (_, k) => [`q${k}`, k])));
    await using peer = await Peer.start(faktory(queues, '{}'));
    using lanes = await ready(peer);
    expect(Object.keys((await askQueues(peer.address, lanes)).queues)).toHaveLength(101);
    expect(peer.commands[1]?.split(' ')).toHaveLength(102);
  });
});
