/** Limits of jobtypes, in whole workers. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../../../src/client/client.ts';
import { defineJobs } from '../../../src/contract/contract.ts';
import type { Logger } from '../../../src/logger.ts';
import { startFaktory, type TestFaktory } from '../../../src/testing/test-faktory.ts';
import type { WorkerOptions } from '../../../src/worker/options.ts';
import { Worker } from '../../../src/worker/worker.ts';
import { until } from '../../helpers/until.ts';

let faktory: TestFaktory;
let client: Client;
const workers: Worker[] = [];
let warnings: { text: string; fields: Record<string, unknown> }[] = [];

const none = (): void => {};
const logger: Logger = {
  debug: none,
  info: none,
  error: none,
  warn: (fields: object, text: string) => {
    warnings.push({ text, fields: fields as Record<string, unknown> });
  },
};
const shares = () => warnings.filter(({ text }) => /share its queue/.test(text)).map(({ fields }) => fields);

beforeEach(async () => {
  warnings = [];
  faktory = await startFaktory();
  client = new Client({ url: faktory.url, logger: false });
});

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  await client.close();
  await faktory.stop();
});

function newWorker(options: WorkerOptions = {}): Worker {
  const worker = new Worker({ url: faktory.url, logger, trapSignals: false, ...options });
  workers.push(worker);
  return worker;
}

const push = (count: number, jobtype: string, queue: string): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, () => client.push({ jobtype, queue })));

/** A handler whose runs end when they are told to. */
function gated() {
  const open: (() => void)[] = [];
  const seen = { now: 0, most: 0, ended: 0 };
  const handler = async (): Promise<void> => {
    seen.now += 1;
    seen.most = Math.max(seen.most, seen.now);
    await new Promise<void>((resolve) => open.push(resolve));
    seen.now -= 1;
    seen.ended += 1;
  };
  const release = (): void => {
    for (const resolve of open.splice(0)) resolve();
  };
  return { handler, seen, release };
}

describe('concurrency', () => {
  it('holds back fetching rather than fill slots: the rest stays in Faktory', async () => {
    const worker = newWorker({ queues: ['mails', 'default'], concurrency: 10 });
    const { handler, seen, release } = gated();
    let others = 0;
    worker.register('mail', handler, { concurrency: 2, queue: 'mails' });
    worker.register('other', () => {
      others += 1;
    });
    await worker.work();
    await push(20, 'mail', 'mails');
    await until(() => seen.now === 2);
    await push(200, 'other', 'default');
    await until(() => others === 200);
    expect(faktory.jobs({ queue: 'mails', state: 'enqueued' })).toHaveLength(18);
    expect(worker.stats()).toMatchObject({
      running: 2,
      ready: 0,
      limits: [{ jobtype: 'mail', queue: 'mails', concurrency: 2, running: 2, waiting: 0 }],
    });
    await until(
      () => {
        release();
        return seen.ended === 20;
      },
      { everyMs: 1 },
    );
    expect(seen.most).toBe(2);
    expect(shares()).toEqual([]);
  });

  it('has its queue fetched at once when it has room again, though other queues are empty', async () => {
    const worker = newWorker({ queues: ['mails', 'default'], concurrency: 10 });
    let done = 0;
    const mail = async (): Promise<void> => {
      await pause(1);
      done += 1;
    };
    worker.register('mail', mail, { concurrency: 1, queue: 'mails' });
    await worker.work();
    await push(50, 'mail', 'mails');
    // Were each to wait for the two seconds of a FETCH on the empty queue, it would be over a minute and a half.
    await until(() => done === 50, { timeoutMs: 40_000 });
  }, 50_000);

  it('nor does it wait for a queue that has no room for long', async () => {
    const worker = newWorker({ queues: ['rare', 'mails', 'default'], concurrency: 10 });
    let [rare, done] = [0, 0];
    const count = async (): Promise<void> => {
      await pause(1);
      done += 1;
    };
    const once = (): void => {
      rare += 1;
    };
    worker.register('rare', once, { rate: { limit: 1, everyMs: 3_600_000 }, queue: 'rare' });
    worker.register('mail', count, { concurrency: 1, queue: 'mails' });
    await worker.work();
    await push(5, 'rare', 'rare');
    await until(() => rare === 1);
    await push(50, 'mail', 'mails');
    await until(() => done === 50, { timeoutMs: 40_000 });
    expect([rare, faktory.jobs({ queue: 'rare', state: 'enqueued' }).length]).toEqual([1, 4]);
  }, 50_000);

  it('holds for jobs that come from another queue: they wait without a slot, in their order', async () => {
    const worker = newWorker({ queues: ['default'], concurrency: 5 });
    const { handler, seen, release } = gated();
    let others = 0;
    worker.register('mail', handler, { concurrency: 1, queue: 'mails' });
    worker.register('other', () => {
      others += 1;
    });
    await push(3, 'mail', 'default');
    await push(1, 'other', 'default');
    await worker.work();
    await until(() => seen.now === 1 && worker.stats().limits[0]!.waiting > 0);
    expect(worker.stats().running).toBe(1);
    await until(
      () => {
        release();
        return seen.ended === 3 && others === 1;
      },
      { everyMs: 1 },
    );
    expect(seen.most).toBe(1);
    await until(() => worker.stats().running === 0);
    expect(worker.stats().limits[0]).toMatchObject({ running: 0, waiting: 0 });
  });

  it('hands back what waits long, and what waits when the worker stops; no retry is burnt', async () => {
    const worker = newWorker({ queues: ['default'], concurrency: 5, shutdownTimeoutMs: 100 });
    const { handler, seen, release } = gated();
    worker.register('mail', handler, { concurrency: 1, queue: 'mails' });
    const jids = await push(3, 'mail', 'default');
    await worker.work();
    await until(() => seen.now === 1);
    await until(() => worker.stats().handedBack > 0, { timeoutMs: 60_000 });
    const stopping = worker.stop();
    release();
    await stopping;
    const left = faktory.jobs({ queue: 'default', state: 'enqueued' });
    expect(left).toHaveLength(2);
    expect(left.every(({ jid, failure }) => failure === undefined && jids.includes(jid.split('.')[0]!))).toBe(
      true,
    );
  }, 70_000);

  it('hands back what waits as soon as the worker stops, before what runs has ended', async () => {
    const worker = newWorker({ queues: ['mails'], concurrency: 5, shutdownTimeoutMs: 60_000 });
    const { handler, seen, release } = gated();
    worker.register('mail', handler, { concurrency: 1 });
    await push(3, 'mail', 'mails');
    await worker.work();
    await until(() => seen.now === 1 && worker.stats().limits[0]!.waiting > 0);
    const stopping = worker.stop();
    await until(() => worker.stats().limits[0]!.waiting === 0);
    expect([seen.now, worker.stats().handedBack > 0]).toEqual([1, true]);
    release();
    await stopping;
    expect([seen.ended, faktory.jobs({ queue: 'mails', state: 'enqueued' }).length]).toEqual([1, 2]);
  });

  it('holds back a few of its jobs in another queue, not the other jobs there; and says so', async () => {
    const worker = newWorker({ queues: ['default', 'calls'], concurrency: 5 });
    let others = 0;
    worker.register('call', none, { queue: 'calls', rate: { limit: 1, everyMs: 3_600_000 } });
    worker.register('other', () => {
      others += 1;
    });
    await worker.work();
    await push(3, 'call', 'default');
    await until(() => worker.stats().limits[0]!.waiting === 2);
    await push(50, 'other', 'default');
    await until(() => others === 50);
    const strays = warnings.filter(({ text }) => /not its own/.test(text)).map(({ fields }) => fields);
    expect(strays).toEqual([{ jobtype: 'call', queue: 'default', ownQueue: 'calls' }]);
  });

  it('is lifted by registering again without', async () => {
    const worker = newWorker({ queues: ['mails'], concurrency: 5 });
    const { handler, seen, release } = gated();
    worker.register('mail', handler, { concurrency: 1, queue: 'mails' });
    await worker.work();
    await push(5, 'mail', 'mails');
    await until(() => seen.now === 1);
    worker.register('mail', handler);
    await until(() => seen.now === 5);
    expect(worker.stats().limits).toEqual([]);
    release();
    await until(() => seen.ended === 5);
    worker.register('mail', handler, { concurrency: 2 });
    await push(5, 'mail', 'mails');
    await until(() => seen.now === 2);
    expect(worker.stats().limits).toMatchObject([{ queue: 'mails', running: 2 }]);
    await until(() => {
      release();
      return seen.ended === 10;
    });
  });
});

describe('a rate', () => {
  it('is kept in any interval, and its queue is fetched accordingly', async () => {
    const worker = newWorker({ queues: ['calls'], concurrency: 50 });
    const starts: number[] = [];
    worker.register('call', () => void starts.push(performance.now()), {
      rate: { limit: 5, everyMs: 100 },
      queue: 'calls',
    });
    await push(22, 'call', 'calls');
    await worker.work();
    await until(() => starts.length === 5);
    await until(() => worker.stats().running === 0);
    expect(faktory.jobs({ queue: 'calls', state: 'enqueued' }).length + starts.length).toBe(22);
    expect(worker.stats().ready).toBe(0);
    await until(() => starts.length === 22);
    // Half of it: on a busy machine a handler's own clock is a while behind that of its token.
    const mostWithin = Math.max(
      ...starts.map((from) => starts.filter((at) => at >= from && at < from + 50).length),
    );
    expect(mostWithin).toBeLessThanOrEqual(5);
  });

  it('goes with a concurrency, and learns its queue from the first job', async () => {
    const worker = newWorker({ queues: ['calls', 'default'], concurrency: 50 });
    const { handler, seen, release } = gated();
    worker.register('call', handler, { concurrency: 3, rate: { limit: 100, everyMs: 1_000 } });
    expect(worker.stats().limits).toMatchObject([{ jobtype: 'call', queue: undefined, tokens: 100 }]);
    await worker.work();
    await push(6, 'call', 'calls');
    await until(() => seen.now === 3);
    expect(worker.stats().limits).toMatchObject([{ queue: 'calls', running: 3, tokens: 97 }]);
    await until(
      () => {
        release();
        return seen.ended === 6;
      },
      { everyMs: 1 },
    );
    expect(seen.most).toBe(3);
  });
});

describe('a queue that is shared', () => {
  it('is warned of once, when a job of another jobtype comes from it', async () => {
    const worker = newWorker({ queues: ['mails'] });
    let done = 0;
    const count = (): void => {
      done += 1;
    };
    worker.register('mail', count, { concurrency: 2, queue: 'mails' });
    worker.register('other', count);
    await worker.work();
    await push(2, 'mail', 'mails');
    await push(2, 'other', 'mails');
    await until(() => done === 4);
    expect(shares()).toEqual([{ jobtype: 'mail', queue: 'mails', shares: 'other' }]);
  });

  it('is known from the contract beforehand', () => {
    const contract = defineJobs({ mail: { queue: 'mails' }, other: { queue: 'mails' }, alone: {} });
    const worker = new Worker({ url: faktory.url, logger, contract });
    worker.register('mail', none, { concurrency: 2 });
    worker.register('alone', none, { rate: { limit: 1, everyMs: 1 } });
    expect(shares()).toEqual([]);
    expect(worker.stats().limits).toMatchObject([{ queue: 'mails' }, { queue: 'default' }]);
    worker.register('other', none);
    expect(shares()).toEqual([{ jobtype: 'mail', queue: 'mails', shares: 'other' }]);
  });
});

it.each([
  [{ concurrency: 0 }, /concurrency of "mail" is 0, it takes a whole number from 1/],
  [{ rate: { limit: 0, everyMs: 5 } }, /rate.limit of "mail" is 0/],
  [{ concurrency: 1, queue: 'a b' }, /queue is "a b"/],
])('refuses %o', (options, text) => {
  const worker = newWorker();
  expect(() => worker.register('mail', none, options)).toThrow(text);
});
