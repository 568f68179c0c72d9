import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Client } from '../../../src/client/client.ts';
import { defineJobs } from '../../../src/contract/contract.ts';
import type { JobPayload } from '../../../src/protocol/job.ts';
import { runJob } from '../../../src/testing/run-job.ts';
import { startFaktory, type TestFaktory } from '../../../src/testing/test-faktory.ts';
import { Unrecoverable } from '../../../src/unrecoverable.ts';
import type { WorkerOptions } from '../../../src/worker/options.ts';
import { Worker } from '../../../src/worker/worker.ts';
import { until } from '../../helpers/until.ts';

let faktory: TestFaktory;
let client: Client;
let worker: Worker;

beforeEach(async () => {
  faktory = await startFaktory();
  client = new Client({ url: faktory.url, logger: false });
});

afterEach(async () => {
  await worker?.stop();
  await client.close();
  await faktory.stop();
});

function newWorker(options: WorkerOptions = {}): Worker {
  worker = new Worker({ url: faktory.url, logger: false, trapSignals: false, ...options });
  return worker;
}

const inSet = (state: 'dead' | 'retries' | 'scheduled' | 'working'): JobPayload[] => faktory.jobs({ state });
const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const MINUTE = 60_000;

describe('a handler of chunks', () => {
  it('gets the items of one job, all done when it answers nothing', async () => {
    const seen: number[][] = [];
    newWorker().registerChunked('import', (items) => {
      seen.push([...items]);
    });
    await worker.work();
    const jids = await client.pushChunked('import', numbers(25), { size: 10 });
    expect(jids).toHaveLength(3);
    await until(() => worker.stats().done === 3);
    expect(seen.map((items) => items.length).sort()).toEqual([10, 10, 5]);
    expect(seen.flat().sort((a, b) => a - b)).toEqual(numbers(25));
  });

  it('has those that failed tried again alone, as a copy with their history', async () => {
    const seen: number[][] = [];
    newWorker().registerChunked('import', (items, ctx) => {
      seen.push([...items]);
      return items.map((n) =>
        n % 4 === 0 && ctx.job.failure === undefined ? new Error(`no ${n}`) : undefined,
      );
    });
    await worker.work();
    const [jid] = await client.pushChunked('import', numbers(10), {
      size: 10,
      retry: 3,
      custom: { by: 'me' },
    });
    await until(() => inSet('scheduled').length === 1 && inSet('working').length === 0);
    expect(inSet('scheduled')).toMatchObject([
      {
        args: [[0, 4, 8]],
        custom: { by: 'me' },
        retry: 3,
        failure: { retry_count: 0, message: 'no 0' },
      },
    ]);
    expect(inSet('scheduled')[0]!.jid.startsWith(`${jid}.1-`)).toBe(true);
    faktory.clock.advance(5 * MINUTE);
    await until(() => worker.stats().done === 1 && inSet('working').length === 0);
    expect(seen).toEqual([numbers(10), [0, 4, 8]]);
    expect(worker.stats()).toMatchObject({ failed: 1, delayed: 1, done: 1, dead: 0 });
    expect(faktory.jobs()).toEqual([]);
  });

  it('has those that no retry can mend in Dead alone', async () => {
    const dead: unknown[] = [];
    newWorker().registerChunked('import', (items) =>
      items.map((n) => {
        if (n === 1) return new Unrecoverable('never');
        return n === 2 ? new Error('again') : undefined;
      }),
    );
    worker.on('dead', ({ job, error }) => dead.push([job.args, (error as Error).message]));
    await worker.work();
    await client.pushChunked('import', numbers(5), { size: 5, retry: 3 });
    await until(() => inSet('dead').length === 1 && inSet('scheduled').length === 1);
    expect(inSet('dead')).toMatchObject([{ args: [[1]], failure: { errtype: 'Unrecoverable' } }]);
    expect(inSet('scheduled')).toMatchObject([{ args: [[2]] }]);
    await until(() => dead.length === 1);
    expect(dead).toEqual([[[[1]], 'never']]);
  });

  it('by its retry policy; when the last retry is used up they go to Dead alone', async () => {
    newWorker().registerChunked(
      'import',
      (items) => items.map((n) => (n === 3 ? new Error('no') : undefined)),
      { retry: () => 10 * MINUTE },
    );
    await worker.work();
    await client.pushChunked('import', numbers(5), { size: 5, retry: 1 });
    await until(() => inSet('scheduled').length === 1);
    faktory.clock.advance(9 * MINUTE);
    expect(inSet('scheduled')).toHaveLength(1);
    faktory.clock.advance(2 * MINUTE);
    await until(() => inSet('dead').length === 1);
    expect(inSet('dead')).toMatchObject([{ args: [[3]], failure: { retry_count: 1 } }]);
    await until(() => worker.stats().dead === 1);
  });

  it('fails as a whole when it throws, when none can be told apart, and when there are no retries', async () => {
    newWorker().registerChunked('import', (items) => {
      if (items.length === 3) throw new Error('the database is away');
      if (items.length === 4) return [undefined];
      return items.map((n) => (n === 0 ? new Error('no') : undefined));
    });
    await worker.work();
    await client.pushChunked('import', numbers(3), { size: 3, retry: 3 });
    await client.pushChunked('import', numbers(4), { size: 4, retry: 3 });
    await client.pushChunked('import', numbers(5), { size: 5, retry: 0 });
    await until(() => inSet('retries').length === 2 && worker.stats().discarded === 1);
    expect(
      inSet('retries')
        .map(({ failure }) => failure!.errtype)
        .sort(),
    ).toEqual(['BATCH_ANSWER', 'Error']);
    expect(
      inSet('retries')
        .map(({ args }) => (args[0] as unknown[]).length)
        .sort(),
    ).toEqual([3, 4]);
  });

  it('fails as a whole where no copy may stand for it: Faktory Enterprise knows it by its jid', async () => {
    newWorker().registerChunked('import', (items) =>
      items.map((n) => (n === 1 ? new Error('no') : undefined)),
    );
    await worker.work();
    const [jid] = await client.pushChunked('import', numbers(3), {
      size: 3,
      retry: 3,
      custom: { bid: 'b-1' },
    });
    await until(() => inSet('retries').length + inSet('scheduled').length === 1);
    expect(inSet('retries')).toMatchObject([{ jid, args: [numbers(3)] }]);
  });

  it('fails as a whole where the schema has made more or fewer items of those that were pushed', async () => {
    const contract = defineJobs({
      import: { args: z.tuple([z.array(z.number()).transform((all) => all.filter((n) => n > 0))]), retry: 3 },
    });
    const typed = new Worker({ url: faktory.url, logger: false, trapSignals: false, contract });
    typed.registerChunked('import', (items) =>
      items.map((n) => (n === 1 ? new Error(`no ${n}`) : undefined)),
    );
    await typed.work();
    try {
      await client.pushChunked('import', numbers(4), { size: 4, retry: 3 });
      await until(() => inSet('retries').length + inSet('scheduled').length === 1);
      expect(inSet('retries')).toMatchObject([{ args: [numbers(4)], failure: { message: 'no 1' } }]);
    } finally {
      await typed.stop();
    }
  });

  it('has its retry policy asked about the items that failed, and not about the job', async () => {
    const asked: unknown[] = [];
    newWorker().registerChunked(
      'import',
      (items) => items.map((n) => (n < 2 ? new Error(`no ${n}`) : undefined)),
      {
        retry: (_attempt, error) => {
          asked.push((error as Error).message);
          return 10 * MINUTE;
        },
      },
    );
    await worker.work();
    await client.pushChunked('import', numbers(4), { size: 4, retry: 3 });
    await until(() => inSet('scheduled').length === 1);
    expect(asked).toEqual(['no 0', 'no 1']);
  });

  it('takes no reduceTo: outcomes are no results', () => {
    const reduceTo = { jobtype: 'sum', queue: 'sums' };
    expect(() =>
      // @ts-expect-error: nor do the types.
      newWorker().registerChunked('import', () => {}, { reduceTo }),
    ).toThrow('the chunks of "import" take no reduceTo');
  });

  it('takes no job without items: it goes to Dead', async () => {
    newWorker().registerChunked('import', () => {});
    await worker.work();
    await client.push({ jobtype: 'import', args: ['text'] });
    await until(() => inSet('dead').length === 1);
    expect(inSet('dead')[0]!.failure).toMatchObject({ errtype: 'PAYLOAD_INVALID' });
  });

  it('is held to the contract, and retries what was pushed, not what the schema made of it', async () => {
    const contract = defineJobs({
      import: {
        args: z.tuple([z.array(z.object({ at: z.string().transform((text) => new Date(text)) }))]),
        retry: 3,
      },
    });
    const pushing = new Client({ url: faktory.url, logger: false, contract });
    const typed = new Worker({ url: faktory.url, logger: false, trapSignals: false, contract });
    typed.registerChunked('import', (items) =>
      items.map(({ at }) => (at.getUTCDate() === 2 ? new Error('no') : undefined)),
    );
    await typed.work();
    try {
      await pushing.pushChunked('import', [{ at: '2026-01-01' }, { at: '2026-01-02' }], { size: 10 });
      await until(() => inSet('scheduled').length === 1);
      expect(inSet('scheduled')[0]!.args).toEqual([[{ at: '2026-01-02' }]]);
      // @ts-expect-error: an item of another shape.
      await expect(pushing.pushChunked('import', [{ at: 7 }], { size: 10 })).rejects.toThrow('1 of 1 chunks');
    } finally {
      await typed.stop();
      await pushing.close();
    }
  });

  it('can be tried without Faktory', async () => {
    newWorker().registerChunked('import', (items) =>
      items.map((n) => (n > 1 ? new Error(`no ${n}`) : undefined)),
    );
    await runJob(worker, 'import', [0, 1]);
    await expect(runJob(worker, 'import', [0, 1, 2])).rejects.toThrow('1 of 3 items failed');
  });
});
