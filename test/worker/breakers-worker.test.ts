/** Breakers and what they reach for: the fetcher alone, then whole workers. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { Lanes } from '../../src/connection/lanes.ts';
import { helloOf, resolveLink } from '../../src/connection/options.ts';
import type { JobPayload } from '../../src/protocol/job.ts';
import { Pusher } from '../../src/pushing/pusher.ts';
import { startFaktory, type TestFaktory } from '../../src/testing/test-faktory.ts';
import { Credits } from '../../src/worker/credits.ts';
import { Fetcher } from '../../src/worker/fetcher.ts';
import type { WorkerOptions } from '../../src/worker/options.ts';
import { FetchPlan } from '../../src/worker/plan.ts';
import { Worker } from '../../src/worker/worker.ts';
import { until } from '../helpers/until.ts';

const ONE_HOUR = 3_600_000;

let faktory: TestFaktory;
let client: Client;
const ends: (() => Promise<void>)[] = [];

beforeEach(async () => {
  faktory = await startFaktory();
  client = new Client({ url: faktory.url, logger: false });
});

afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
  await client.close();
  await faktory.stop();
});

describe('Fetcher', () => {
  /** One that keeps what it is brought. */
  async function newFetcher(credits: Credits, nextQueues: () => readonly string[]) {
    const { logger: _logger, ...link } = resolveLink({ url: faktory.url, logger: false });
    const shared = { ...link, hello: helloOf('w1', []), deadlineMs: 7_000 };
    const control = new Lanes(shared);
    const jobs: JobPayload[] = [];
    let tokens = 0;
    const fetcher = new Fetcher({
      lanes: shared,
      maxLanes: 2,
      plan: new FetchPlan(10, 0, 2),
      pusher: new Pusher(control, { maxLanes: 1, deliveryTimeoutMs: 30_000 }),
      credits,
      nextQueues,
      planState: () => ({
        running: jobs.length,
        ready: 0,
        outboxFull: false,
      }),
      onJob: (job, _writtenAt, _now, charge) => {
        charge?.release();
        jobs.push(job);
      },
      onToken: () => {
        tokens += 1;
      },
      onUnreadable: () => {},
      onRefused: () => {},
      onStranded: () => {},
    });
    ends.push(async () => {
      fetcher.destroy();
      control.destroy();
    });
    await control.acquire(Number.POSITIVE_INFINITY);
    fetcher.start();
    return { fetcher, jobs, tokens: () => tokens };
  }

  it('asks a rotating function of queues again where what it named may not be fetched', async () => {
    const credits = new Credits();
    credits.limit('shut', 0);
    let asked = 0;
    const { fetcher, jobs } = await newFetcher(credits, () => {
      asked += 1;
      return [asked % 5 === 0 ? 'free' : 'shut'];
    });
    await until(() => fetcher.outstanding === 2);
    await client.push({ jobtype: 'add', queue: 'free' });
    await until(() => jobs.length === 1);
  });

  it('asks no more than a few times where nothing may be fetched, and once where there are no queues', async () => {
    const credits = new Credits();
    credits.limit('shut', 0);
    let asked = 0;
    let named: string[] = ['shut'];
    const { fetcher } = await newFetcher(credits, () => {
      asked += 1;
      return named;
    });
    await until(() => fetcher.laneCount === 2 && asked > 0);
    for (const [next, most] of [
      [['shut'], 8],
      [[], 1],
    ] as const) {
      named = [...next];
      asked = 0;
      fetcher.refillSoon();
      await until(() => asked > 0);
      expect(asked).toBeLessThanOrEqual(most);
    }
    expect(fetcher.outstanding).toBe(0);
  });

  it('calls back once what is outstanding, for good where its queue may not be fetched any more', async () => {
    const credits = new Credits();
    const { fetcher, tokens, jobs } = await newFetcher(credits, () => ['a']);
    await until(() => fetcher.outstanding === 2);
    credits.limit('a', 0);
    fetcher.recallOnce();
    // By tokens: an empty queue would end them with nothing after two seconds.
    await until(() => tokens() === 2 && fetcher.outstanding === 0);
    await client.push({ jobtype: 'add', queue: 'a' });
    fetcher.recallOnce();
    fetcher.refillSoon();
    expect(faktory.jobs({ queue: 'a' })).toHaveLength(1);
    credits.limit('a', undefined);
    fetcher.refillSoon();
    await until(() => jobs.length === 1);
    expect(tokens()).toBe(2);
  });
});

describe('a worker with a breaker', () => {
  function newWorker(options: WorkerOptions = {}): Worker {
    const worker = new Worker({ url: faktory.url, logger: false, trapSignals: false, ...options });
    ends.push(() => worker.stop());
    return worker;
  }

  const push = (jobtype: string, queue: string, count = 1) =>
    client.pushBulk(Array.from({ length: count }, () => ({ jobtype, queue })));
  const stateOf = (worker: Worker) => worker.stats().breakers[0]?.state;
  const fails = async (): Promise<void> => {
    throw new Error('downstream is away');
  };

  it('starts nothing of its queue once it is open: what is held is handed back, no retry is burnt', async () => {
    const worker = newWorker({ concurrency: 50, prefetch: 50, queues: ['imports'] });
    let started = 0;
    let startedOpen = 0;
    worker.register(
      'import',
      async () => {
        started += 1;
        if (stateOf(worker) === 'open') startedOpen += 1;
        await new Promise((resolve) => setTimeout(resolve, 1));
        return fails();
      },
      { breaker: { failures: 20, pauseMs: ONE_HOUR } },
    );
    await push('import', 'imports', 1_000);
    await worker.work();
    await until(() => stateOf(worker) === 'open');
    await until(() => {
      const { running, ready, outstanding, unreported } = worker.stats();
      return running + ready + outstanding + unreported === 0;
    });
    await until(() => faktory.jobs({ state: 'working' }).length === 0);
    expect(startedOpen).toBe(0);
    expect(faktory.jobs({ state: 'retries' })).toHaveLength(started);
    const { failed, handedBack } = worker.stats();
    expect(failed).toBe(started);
    expect(handedBack).toBeGreaterThan(0);
    expect(faktory.jobs({ queue: 'imports', state: 'enqueued' })).toHaveLength(1_000 - started);
  });

  it('fetches its queue again when the jobtype is registered anew, with a breaker or without', async () => {
    const worker = newWorker({ concurrency: 2, queues: ['imports'] });
    const breaker = { failures: 3, pauseMs: ONE_HOUR };
    await worker.work();
    for (const options of [{ breaker }, {}]) {
      worker.register('import', fails, { breaker });
      await push('import', 'imports', 3);
      await until(() => stateOf(worker) === 'open');
      const { done } = worker.stats();
      worker.register('import', () => {}, options);
      await push('import', 'imports');
      await until(() => worker.stats().done > done);
    }
    expect(worker.stats().breakers).toEqual([]);
  });

  it('is closed by a probe only, not by a job that began before it opened', async () => {
    const worker = newWorker({ concurrency: 5, queues: ['imports'] });
    const release: (() => void)[] = [];
    let broken = true;
    worker.register(
      'import',
      (long: boolean) => {
        if (long) return new Promise<void>((resolve) => release.push(resolve));
        return broken ? fails() : undefined;
      },
      { breaker: { failures: 3, share: 0.1, pauseMs: 1 } },
    );
    await worker.work();
    await client.push({ jobtype: 'import', queue: 'imports', args: [true] });
    await until(() => release.length === 1);
    await push('import', 'imports', 3);
    await until(() => stateOf(worker) === 'half-open');
    release[0]?.();
    await until(() => worker.stats().done === 1);
    expect(stateOf(worker)).toBe('half-open');
    broken = false;
    await push('import', 'imports');
    await until(() => stateOf(worker) === 'closed');
  });
});
