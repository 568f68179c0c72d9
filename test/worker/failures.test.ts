import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Client } from '../../src/client/client.ts';
import { defineJobs } from '../../src/contract/contract.ts';
import type { Logger } from '../../src/logger.ts';
import type { JobPayload } from '../../src/protocol/job.ts';
import { startFaktory, type TestFaktory } from '../../src/testing/test-faktory.ts';
import { Unrecoverable } from '../../src/unrecoverable.ts';
import type { WorkerOptions } from '../../src/worker/options.ts';
import { Worker } from '../../src/worker/worker.ts';
import { mined } from '../helpers/mined.ts';
import { until } from '../helpers/until.ts';

let faktory: TestFaktory;
let client: Client;
const workers: Worker[] = [];
let lines: { text: string; fields: Record<string, unknown> }[] = [];

const keep = (fields: object, text: string): void => {
  lines.push({ text, fields: fields as Record<string, unknown> });
};
const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep };

beforeEach(async () => {
  lines = [];
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

const inSet = (state: 'dead' | 'retries' | 'scheduled' | 'working'): JobPayload[] => faktory.jobs({ state });
const told = (text: string) => lines.filter((line) => line.text === text).map(({ fields }) => fields);

describe('poison goes to Dead at once', () => {
  it('Unrecoverable, with its reason, once, and the worker tells of it', async () => {
    const dead: unknown[] = [];
    const worker = newWorker({ onDead: ({ job, error }) => dead.push([job.jid, (error as Error).message]) });
    worker.register('gone', () => {
      throw new Unrecoverable('no such user');
    });
    await worker.work();
    const jid = await client.push({ jobtype: 'gone', retry: 25 });
    await until(() => dead.length === 1);
    expect(dead).toEqual([[jid, 'no such user']]);
    expect(inSet('dead')).toMatchObject([
      { jid, failure: { errtype: 'Unrecoverable', message: 'no such user', retry_count: 0 } },
    ]);
    expect(told('job dead')).toEqual([
      { jid, jobtype: 'gone', queue: 'default', errtype: 'Unrecoverable', message: 'no such user' },
    ]);
    expect(worker.stats()).toMatchObject({ failed: 1, dead: 1, done: 0 });
  });

  it('jobtypes without a handler, be their names properties of every object', async () => {
    const worker = newWorker();
    await worker.work();
    for (const jobtype of ['unknown', 'constructor', '__proto__', 'toString']) await client.push({ jobtype });
    await until(() => inSet('dead').length === 4);
    expect(inSet('dead').every(({ failure }) => failure?.errtype === 'HANDLER_UNKNOWN')).toBe(true);
  });

  it('a payload that does not fit its contract; but not what keeps the schema from looking', async () => {
    const lookup = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => Promise.reject(new Error('the database is away')),
      },
    } as const;
    const contract = defineJobs({
      add: { args: z.tuple([z.number()]) },
      look: { args: lookup },
    });
    const worker = newWorker({ contract } as WorkerOptions)
      .register('add', () => {})
      .register('look', () => {});
    await worker.work();
    await client.push({ jobtype: 'add', args: ['text'] });
    await client.push({ jobtype: 'look', args: [1] });
    await until(() => inSet('dead').length === 1 && inSet('retries').length === 1);
    expect(inSet('dead')[0]).toMatchObject({ jobtype: 'add', failure: { errtype: 'PAYLOAD_INVALID' } });
    expect(inSet('retries')[0]).toMatchObject({
      jobtype: 'look',
      failure: { message: 'the database is away' },
    });
  });

  it('not what a handler met elsewhere under the same code', async () => {
    const contract = defineJobs({ other: { args: z.tuple([z.number()]) } });
    const pushing = new Client({ url: faktory.url, logger: false, contract });
    const worker = newWorker().register('pushes', () => pushing.push('other', 'text' as never));
    await worker.work();
    await client.push({ jobtype: 'pushes' });
    await until(() => inSet('retries').length === 1);
    expect(inSet('retries')[0]?.failure?.errtype).toBe('PAYLOAD_INVALID');
    await pushing.close();
  });

  it('many at once', async () => {
    const worker = newWorker({ concurrency: 100 }).register('gone', () => {
      throw new Unrecoverable('no');
    });
    await worker.work();
    await client.pushBulk(Array.from({ length: 250 }, () => ({ jobtype: 'gone' })));
    await until(() => inSet('dead').length === 250);
    await until(() => worker.stats().dead === 250);
  });

  it('says when the last retry is used up, and when there was none', async () => {
    const worker = newWorker().register('throws', () => {
      throw new Error('no');
    });
    await worker.work();
    await client.push({ jobtype: 'throws', retry: -1 });
    await client.push({ jobtype: 'throws', retry: 0 });
    await until(() => worker.stats().dead === 1 && worker.stats().discarded === 1);
    expect(told('job dead')).toHaveLength(1);
    expect(inSet('dead')).toHaveLength(1);
  });
});

describe('what cannot be asked anything', () => {
  it.for(['handler', 'batch handler', 'handler of items'] as const)(
    'is one FAIL when a %s throws it',
    async (kind) => {
      const worker = newWorker();
      const explode = (): never => {
        throw mined();
      };
      if (kind === 'handler') worker.register('mine', explode);
      else if (kind === 'batch handler') worker.registerBatch('mine', { maxSize: 2, maxDelayMs: 1 }, explode);
      else worker.registerChunked('mine', explode);
      await worker.work();
      for (let n = 0; n < 4; n += 1) await client.push({ jobtype: 'mine', args: [[n]], retry: 3 });
      await until(() => inSet('retries').length === 4);
      expect(worker.stats()).toMatchObject({ failed: 4, done: 0 });
    },
  );

  it('is the outcome of its one job or item', async () => {
    const worker = newWorker()
      .registerBatch('mine', { maxSize: 1, maxDelayMs: 1 }, () => [mined()])
      .registerChunked('mines', () => [undefined, mined()]);
    await worker.work();
    await client.push({ jobtype: 'mine', retry: 3 });
    await client.push({ jobtype: 'mines', args: [['well', 'ill']], retry: 3 });
    await until(() => inSet('retries').length + inSet('scheduled').length === 2);
    expect(worker.stats()).toMatchObject({ failed: 2 });
  });
});

describe('a retry policy', () => {
  it('delays a copy with its history; the job keeps its id, and ends in Dead when its retries are used up', async () => {
    const seen: unknown[] = [];
    const asked: number[] = [];
    const worker = newWorker();
    worker.handle(
      'flaky',
      (ctx) => {
        seen.push([ctx.id, ctx.job.failure?.retry_count, ctx.job.failure?.message]);
        throw new Error('again');
      },
      {
        retry: (attempt) => {
          asked.push(attempt);
          // Longer each time: the clock that is moved is Faktory's, not the worker's.
          return attempt * 2 * 3_600_000;
        },
      },
    );
    await worker.work();
    const jid = await client.push({ jobtype: 'flaky', retry: 2 });
    for (const round of [1, 2]) {
      await until(() => inSet('scheduled').length === 1 && inSet('working').length === 0);
      expect(inSet('scheduled')[0]).toMatchObject({ failure: { retry_count: round - 1, message: 'again' } });
      await faktory.clock.advance(2 * 3_600_000);
    }
    await until(() => inSet('dead').length === 1);
    expect(asked).toEqual([1, 2]);
    expect(seen).toEqual([
      [jid, undefined, undefined],
      [jid, 0, 'again'],
      [jid, 1, 'again'],
    ]);
    await until(() => worker.stats().dead === 1);
    expect(worker.stats()).toMatchObject({ failed: 3, delayed: 2 });
  });

  it("may say 'dead', or leave it to Faktory; one that throws is told of, and Faktory's schedule holds", async () => {
    const worker = newWorker();
    const fails = () => {
      throw new Error('no');
    };
    worker.register('dies', fails, { retry: () => 'dead' });
    worker.register('leaves', fails, { retry: () => undefined });
    worker.register('broken', fails, {
      retry: () => {
        throw new Error('my policy');
      },
    });
    await worker.work();
    for (const jobtype of ['dies', 'leaves', 'broken']) await client.push({ jobtype });
    await until(() => inSet('dead').length === 1 && inSet('retries').length === 2);
    expect(inSet('dead')[0]?.jobtype).toBe('dies');
    expect(lines.some(({ text }) => text.includes('my policy'))).toBe(true);
  });
});

describe('handlerTimeoutMs', () => {
  it('aborts, fails the job and frees the slot, though the handler never ends', async () => {
    const reasons: unknown[] = [];
    let release = (): void => {};
    const worker = newWorker({ concurrency: 1, zombieAfterMs: 20 });
    worker.handle(
      'hangs',
      (ctx) => {
        ctx.signal.addEventListener('abort', () =>
          reasons.push((ctx.signal.reason as { code: string }).code),
        );
        return new Promise<void>((resolve) => {
          release = resolve;
        });
      },
      { handlerTimeoutMs: 20 },
    );
    let after = 0;
    worker.register('after', () => {
      after += 1;
    });
    await worker.work();
    await client.push({ jobtype: 'hangs' });
    await until(() => inSet('retries').length === 1);
    expect(inSet('retries')[0]?.failure).toMatchObject({ errtype: 'HANDLER_TIMEOUT' });
    expect(reasons).toEqual(['HANDLER_TIMEOUT']);
    await until(() => worker.stats().zombies === 1);
    // A worker with one slot and as many zombies stops itself.
    expect(worker.exhausted).toBe(true);
    release();
    await until(() => worker.stats().zombies === 0);
    expect(worker.stats()).toMatchObject({ failed: 1, done: 0 });
    expect(after).toBe(0);
  });

  it('stops the worker once as many handlers hang as it has slots, and not before', async () => {
    const worker = newWorker({ concurrency: 2, zombieAfterMs: 20 });
    worker.register('hangs', () => new Promise(() => {}), { handlerTimeoutMs: 20 });
    let after = 0;
    worker.register('after', () => {
      after += 1;
    });
    await worker.work();
    await client.push({ jobtype: 'hangs' });
    await until(() => worker.stats().zombies === 1);
    await client.push({ jobtype: 'after' });
    await until(() => after === 1);
    expect(worker.exhausted).toBe(false);
    const stopped = new Promise((resolve) => worker.once('stop', () => resolve(true)));
    await client.push({ jobtype: 'hangs' });
    await stopped;
    expect(worker.exhausted).toBe(true);
  });

  it('does not stop a worker whose handlers heed the signal after a moment, however many', async () => {
    const worker = newWorker({ concurrency: 5, zombieAfterMs: 5_000 });
    let cleanedUp = 0;
    worker.handle(
      'tidy',
      (ctx) =>
        new Promise<void>((resolve) => {
          ctx.signal.addEventListener('abort', () =>
            setTimeout(() => {
              cleanedUp += 1;
              resolve();
            }, 30),
          );
        }),
      { handlerTimeoutMs: 20 },
    );
    await worker.work();
    await client.pushBulk(Array.from({ length: 20 }, () => ({ jobtype: 'tidy' })));
    await until(() => cleanedUp === 20);
    expect(worker.stats()).toMatchObject({ state: 'running', failed: 20, zombies: 0 });
    expect(worker.exhausted).toBe(false);
  });

  it.each([0, -1, Number.NaN, 2 ** 31])('takes no %s', (handlerTimeoutMs) => {
    expect(() => newWorker().register('x', () => {}, { handlerTimeoutMs })).toThrow(
      'handlerTimeoutMs of "x"',
    );
  });
});

describe('a FAIL that Faktory has lost', () => {
  it('is mended by a copy under a new jid, with its failure and a delay', async () => {
    faktory.faults.quirks.lostFail = true;
    const worker = newWorker().register('throws', () => {
      throw new Error('no');
    });
    await worker.work();
    const jid = await client.push({ jobtype: 'throws', retry: 3, custom: { a: 1 } });
    await until(() => inSet('scheduled').length === 1);
    const [copy] = inSet('scheduled');
    expect(copy).toMatchObject({
      jobtype: 'throws',
      retry: 3,
      custom: { a: 1 },
      failure: { retry_count: 0, remaining: 3, errtype: 'Error', message: 'no' },
    });
    expect(copy?.jid).toMatch(new RegExp(`^${jid}\\.1-[0-9a-f]{4}$`));
    expect(Date.parse(copy?.at ?? '')).toBeGreaterThan(Date.now() + 10_000);
    await until(() => worker.stats().mended === 1);
    expect(worker.stats()).toMatchObject({ failed: 1 });
    expect(inSet('retries')).toEqual([]);
  });

  it('is no second job where only the reply was lost', async () => {
    const worker = newWorker().register('throws', () => {
      throw new Error('no');
    });
    await worker.work();
    // INFO tells whole seconds: a Faktory that is as young as the job might have been restarted since.
    await faktory.clock.advance(2_000);
    faktory.faults.dropReplies(1, 'FAIL');
    await client.push({ jobtype: 'throws', retry: 3 });
    await until(() => lines.some(({ text }) => text === 'Faktory knew already that the job failed'));
    expect(inSet('retries')).toHaveLength(1);
    expect(inSet('scheduled')).toEqual([]);
    expect(worker.stats()).toMatchObject({ mended: 0, unreported: 0 });
  });
});

describe('a FAIL whose reply was lost, with Faktory not restarted', () => {
  beforeEach(() => faktory.clock.advance(2_000));

  it.each([
    ['poison', { retry: 5 }, new Unrecoverable('gone'), { dead: 1, discarded: 0 }],
    ['a job without a retry left', { retry: -1 }, new Error('no'), { dead: 1, discarded: 0 }],
    ['a job that had asked for none', { retry: 0 }, new Error('no'), { dead: 0, discarded: 1 }],
  ])('is finished as any other: %s', async (_what, fields, error, ended) => {
    const dead: string[] = [];
    const worker = newWorker({ onDead: ({ job }) => dead.push(job.jid) });
    worker.register('throws', () => {
      throw error;
    });
    await worker.work();
    faktory.faults.dropReplies(1, 'FAIL');
    await client.push({ jobtype: 'throws', ...fields });
    await until(() => worker.stats().dead + worker.stats().discarded === 1);
    expect(worker.stats()).toMatchObject({ ...ended, mended: 0, unmended: 0 });
    expect([dead.length, inSet('dead').length]).toEqual([ended.dead, ended.dead]);
    expect(inSet('retries')).toEqual([]);
  });
});

describe('poison whose FAIL Faktory has lost', () => {
  it('goes to Dead as its copy', async () => {
    faktory.faults.quirks.lostFail = true;
    const worker = newWorker().register('gone', () => {
      throw new Unrecoverable('no such user');
    });
    await worker.work();
    const jid = await client.push({ jobtype: 'gone', retry: 5 });
    await until(() => worker.stats().dead === 1);
    expect(inSet('dead').map((job) => job.jid.startsWith(jid))).toEqual([true]);
    expect(inSet('scheduled')).toEqual([]);
  });
});

describe('a circuit breaker', () => {
  it('stops fetching the queue, and others go on; one probe that succeeds closes it', async () => {
    let broken = true;
    let ran = 0;
    const worker = newWorker({ concurrency: 4, queues: ['imports', 'default'] });
    const breaker = { failures: 5, windowMs: 60_000, pauseMs: 300 };
    worker.register(
      'import',
      () => {
        ran += 1;
        if (broken) throw new Error('downstream is away');
      },
      { breaker },
    );
    let other = 0;
    worker.register('other', () => {
      other += 1;
    });
    await worker.work();
    await client.pushBulk(Array.from({ length: 100 }, () => ({ jobtype: 'import', queue: 'imports' })));
    await until(() => worker.stats().breakers[0]?.state === 'open');
    broken = false;
    await client.push({ jobtype: 'other' });
    await until(() => other === 1);
    // No more than were on their way have burnt a retry.
    expect(inSet('retries').length).toBeLessThan(20);
    await until(() => worker.stats().breakers[0]?.state === 'closed');
    await until(() => ran === 100);
    expect(lines.map(({ text }) => text)).toEqual(
      expect.arrayContaining([
        'circuit breaker half-open: one job at a time is tried',
        'circuit breaker closed: fetching as before',
      ]),
    );
  });
});

describe('what takes long', () => {
  it('is warned of and counted: slow handlers, and those that block the event loop, by jobtype', async () => {
    const worker = newWorker({ slowMs: 20 });
    worker.register('slow', () => new Promise((resolve) => setTimeout(resolve, 40)));
    worker.register('blocks', () => {
      const end = performance.now() + 300;
      while (performance.now() < end);
    });
    await worker.work();
    await client.push({ jobtype: 'slow' });
    await client.push({ jobtype: 'slow' });
    await client.push({ jobtype: 'blocks' });
    await until(() => worker.stats().done === 3);
    // A line for each jobtype, however many were slow.
    expect(
      told('slow handler')
        .map(({ jobtype }) => jobtype)
        .sort(),
    ).toEqual(['blocks', 'slow']);
    expect(told('a handler blocked the event loop: all jobs of this process stood still')).toMatchObject([
      { jobtypes: ['blocks'] },
    ]);
    expect(worker.stats()).toMatchObject({ slowHandlers: 3 });
    // A machine that is busy may add one of its own.
    expect(worker.stats().eventLoopBlocks).toBeGreaterThanOrEqual(1);
  });
});

describe('the snapshot', () => {
  it('tells what runs, the longest first, and how the jobs of each jobtype ended', async () => {
    let release = (): void => {};
    const worker = newWorker();
    worker.register('waits', () => new Promise<void>((resolve) => (release = resolve)));
    worker.register('add', () => {});
    await worker.work();
    await client.push({ jobtype: 'add' });
    const jid = await client.push({ jobtype: 'waits', queue: 'default' });
    await until(() => worker.stats().done === 1 && worker.stats().running === 1);
    const snapshot = JSON.parse(JSON.stringify(worker.snapshot()));
    expect(snapshot).toMatchObject({
      state: 'running',
      running: 1,
      jobs: { add: { done: 1 }, waits: { done: 0 } },
      longestRunning: [{ jid, jobtype: 'waits', queue: 'default' }],
      lanes: { control: { ready: 1 } },
    });
    release();
  });
});
