import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { type EmbeddedFaktory, startEmbeddedFaktory } from '../../src/embedded/index.ts';
import type { JobPayload } from '../../src/protocol/job.ts';
import type { JobContext } from '../../src/worker/context.ts';
import type { WorkerOptions } from '../../src/worker/options.ts';
import { Worker } from '../../src/worker/worker.ts';
import { freePort } from '../helpers/free-port.ts';
import { startRelay } from '../helpers/relay.ts';
import { until } from '../helpers/until.ts';

let faktory: EmbeddedFaktory;
let client: Client;
const workers: Worker[] = [];

beforeEach(async () => {
  faktory = await startEmbeddedFaktory();
  client = new Client({ url: faktory.url, logger: false });
});

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  await client.close();
  await faktory.stop();
});

function newWorker(options: WorkerOptions = {}): Worker {
  const worker = new Worker({ url: faktory.url, logger: false, trapSignals: false, ...options });
  workers.push(worker);
  return worker;
}

/** Tokens may be left in wake queues, as after a cut on the real one. */
function settled(): Promise<unknown> {
  return until(() => faktory.counts().working === 0 && !faktory.counts().queues.default, {
    what: 'all settled',
  });
}

describe('running jobs', () => {
  it('gives a handler the args, and runs each job once', async () => {
    const seen: number[] = [];
    const worker = newWorker({ concurrency: 10 }).register('add', (a: number, b: number) => seen.push(a + b));
    await client.pushBulk(Array.from({ length: 500 }, (_, i) => ({ jobtype: 'add', args: [i, 1] })));
    await worker.work();
    await until(() => seen.length === 500);
    await settled();
    expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
    await until(() => worker.stats().unreported === 0);
    expect(worker.stats()).toMatchObject({ done: 500, failed: 0, running: 0 });
  });

  it('calls a returned function with the context, as faktory-worker does', async () => {
    const seen: unknown[] = [];
    const worker = newWorker();
    worker.register(
      'plain',
      (...args: unknown[]) =>
        (ctx: JobContext) =>
          seen.push([ctx.job.jobtype, args]),
    );
    worker.register(
      'promised',
      async (...args: unknown[]) =>
        (ctx: JobContext) =>
          seen.push([ctx.job.jobtype, args]),
    );
    worker.handle('nicer', (ctx, ...args) => seen.push([ctx.job.jobtype, args]));
    await worker.work();
    for (const jobtype of ['plain', 'promised', 'nicer']) await client.push({ jobtype, args: [1, 'two'] });
    await until(() => seen.length === 3);
    expect(seen).toEqual(
      expect.arrayContaining(['plain', 'promised', 'nicer'].map((jobtype) => [jobtype, [1, 'two']])),
    );
  });

  it('runs middleware around every handler', async () => {
    const seen: string[] = [];
    const worker = newWorker();
    worker.use(async (ctx, next) => {
      ctx.db = 'pool';
      seen.push(`before ${ctx.job.jobtype}`);
      await next();
      seen.push(`after ${ctx.job.jobtype}`);
    });
    worker.handle('add', (ctx) => seen.push(`with ${ctx.db}`));
    await worker.work();
    await client.push({ jobtype: 'add' });
    await until(() => seen.length === 3);
    expect(seen).toEqual(['before add', 'with pool', 'after add']);
  });

  it('runs as many handlers at once as the concurrency, never more', async () => {
    let running = 0;
    let most = 0;
    let done = 0;
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const worker = newWorker({ concurrency: 7 }).register('wait', async () => {
      running += 1;
      most = Math.max(most, running);
      await gate;
      running -= 1;
      done += 1;
    });
    await client.pushBulk(Array.from({ length: 300 }, () => ({ jobtype: 'wait' })));
    await worker.work();
    await until(() => running === 7);
    open();
    await until(() => done === 300);
    expect(most).toBe(7);
  });

  it('takes queues in strict order', async () => {
    const seen: string[] = [];
    const worker = newWorker({ queues: ['critical', 'default'], concurrency: 1 });
    worker.handle('note', (ctx) => seen.push(ctx.job.queue));
    for (const queue of ['default', 'critical', 'default', 'critical'])
      await client.push({ jobtype: 'note', queue });
    await worker.work();
    await until(() => seen.length === 4);
    expect(seen).toEqual(['critical', 'critical', 'default', 'default']);
  });
});

describe('failures', () => {
  it('fails a job whose handler throws or rejects: it is tried again later', async () => {
    const worker = newWorker();
    const failed: unknown[] = [];
    worker.on('fail', ({ job, error }) => failed.push([job.jobtype, (error as Error).message]));
    worker.register('throws', () => {
      throw new TypeError('no');
    });
    worker.register('rejects', () => Promise.reject(new RangeError('neither')));
    await worker.work();
    for (const jobtype of ['throws', 'rejects']) await client.push({ jobtype });
    await until(() => faktory.counts().retries === 2);
    expect(failed).toEqual(
      expect.arrayContaining([
        ['throws', 'no'],
        ['rejects', 'neither'],
      ]),
    );
    expect(worker.stats()).toMatchObject({ failed: 2, done: 0 });
  });

  it('is not stopped by a handler that throws what cannot be shown', async () => {
    const worker = newWorker().register('hostile', () => {
      throw Object.create(null);
    });
    await worker.work();
    await client.push({ jobtype: 'hostile', retry: -1 });
    await until(() => faktory.counts().dead === 1);
    expect(worker.state).toBe('running');
  });

  it('drops what a handler returns, even what cannot be serialised', async () => {
    const worker = newWorker().register('odd', () => ({ big: 10n }));
    await worker.work();
    await client.push({ jobtype: 'odd' });
    await until(() => faktory.counts().processed > 0);
    expect(faktory.counts()).toMatchObject({ failures: 0 });
  });
});

describe("what is the user's", () => {
  it('goes on when a listener throws', async () => {
    const worker = newWorker({ concurrency: 1 });
    worker.on('fail', () => {
      throw new Error('a listener that throws');
    });
    worker.register('sync', () => {
      throw new Error('no');
    });
    worker.register('async', () => Promise.reject(new Error('no')));
    await client.pushBulk(['sync', 'async', 'sync', 'async'].map((jobtype) => ({ jobtype })));
    await worker.work();
    await until(() => faktory.counts().retries === 4);
    expect(worker.stats()).toMatchObject({ running: 0, failed: 4 });
  });

  it('takes a result whose then throws for a failure', async () => {
    const worker = newWorker({ concurrency: 1 });
    const thrower = (): never => {
      throw new Error('a query that cannot be built');
    };
    const lazy = Object.fromEntries([['then', thrower]]);
    const hostile = Object.defineProperty({}, 'then', { get: thrower });
    worker.handle('lazy', () => lazy).handle('hostile', () => hostile);
    await client.pushBulk(['lazy', 'hostile', 'lazy', 'hostile'].map((jobtype) => ({ jobtype })));
    await worker.work();
    await until(() => faktory.counts().retries === 4);
  });

  it('fetches nothing while its queues function gives none, and goes on when it does', async () => {
    const seen: unknown[] = [];
    const answers: unknown[] = [undefined, [], 'default', ['a b'], ['x\r\nFLUSH'], new Error('no')];
    const queues = (): string[] => {
      const answer = answers.length > 0 ? answers.shift() : ['default'];
      if (answer instanceof Error) throw answer;
      return answer as string[];
    };
    const worker = newWorker({ queues }).register('add', (n: number) => seen.push(n));
    await client.push({ jobtype: 'add', args: [1] });
    await worker.work();
    await until(() => seen.length === 1);
    expect(answers).toHaveLength(0);
  });
});

describe('the life of a worker', () => {
  it('can be quieted while it starts', async () => {
    const worker = newWorker();
    const started = worker.work();
    worker.quiet();
    await started;
    await client.push({ jobtype: 'add' });
    expect(worker.state).toBe('quiet');
    expect(worker.stats().outstanding).toBe(0);
    expect(faktory.counts().queues.default).toBe(1);
  });

  it('shares one trap of the signals with all workers of the process', async () => {
    const before = process.listenerCount('SIGTERM');
    const all = await Promise.all(Array.from({ length: 12 }, () => newWorker({ trapSignals: true }).work()));
    expect(process.listenerCount('SIGTERM')).toBe(before + 1);
    await Promise.all(all.map((worker) => worker.stop()));
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });

  it('calls back what a burst has left waiting, when the queue is quiet', async () => {
    const worker = newWorker({ concurrency: 300 }).register('add', () => {});
    await client.pushBulk(Array.from({ length: 5_000 }, () => ({ jobtype: 'add' })));
    await worker.work();
    await until(() => worker.stats().done === 5_000);
    await until(() => worker.stats().outstanding <= 2 * worker.stats().fetchLanes, { timeoutMs: 15_000 });
  });

  it('logs its concurrency once, in exactly these words', async () => {
    const lines: string[] = [];
    const note = (_fields: object, text: string): void => {
      lines.push(text);
    };
    const worker = newWorker({
      concurrency: 500,
      logger: { debug: note, info: note, warn: note, error: note },
    });
    await worker.work();
    expect(lines.filter((line) => line === 'Concurrency: 500 jobs per worker')).toHaveLength(1);
  });

  it('can be stopped before it starts, while it starts, twice, and at the same time', async () => {
    const unstarted = newWorker();
    await Promise.all([unstarted.stop(), unstarted.stop()]);
    await expect(unstarted.work()).rejects.toMatchObject({ code: 'CLOSED' });

    const starting = newWorker({ url: `tcp://127.0.0.1:${await freePort()}` });
    const started = starting.work();
    await Promise.all([starting.stop(), starting.stop()]);
    expect(await started).toBe(starting);
    expect(starting.state).toBe('stopped');

    const running = await newWorker().work();
    await running.stop();
    await running.stop();
    expect(running.state).toBe('stopped');
    await until(() => faktory.counts().workers === 0);
  });

  it('waits for a Faktory that is not there yet', async () => {
    const port = await freePort();
    const seen: unknown[] = [];
    const worker = newWorker({ url: `tcp://127.0.0.1:${port}` }).register('add', (n) => seen.push(n));
    const faults: string[] = [];
    worker.on('error', (error) => faults.push(error.message));
    const started = worker.work();
    await until(() => faults.length > 0);
    expect(faults[0]).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\): nothing listens there/);
    await using late = await startEmbeddedFaktory({ port });
    await started;
    await using pusher = new Client({ url: late.url, logger: false });
    await pusher.push({ jobtype: 'add', args: [1] });
    await until(() => seen.length === 1);
    await worker.stop();
  });

  it('quiet: fetches nothing more, calls its FETCHes back, finishes what runs', async () => {
    let release = (): void => {};
    const worker = newWorker({ concurrency: 2 }).register(
      'hold',
      () => new Promise<void>((resolve) => (release = resolve)),
    );
    await worker.work();
    await client.push({ jobtype: 'hold' });
    await until(() => worker.stats().running === 1);
    worker.quiet();
    await until(() => worker.stats().outstanding === 0);
    await client.push({ jobtype: 'hold' });
    release();
    await until(() => worker.stats().done === 1);
    expect(worker.stats()).toMatchObject({ state: 'quiet', running: 0, done: 1 });
    expect(faktory.counts().queues.default).toBe(1);
  });

  it('obeys quiet and terminate from Faktory', async () => {
    const quiet = newWorker({ wid: 'worker-q', beatInterval: 0.01 });
    const ending = newWorker({ wid: 'worker-t', beatInterval: 0.01 });
    await Promise.all([quiet.work(), ending.work()]);
    await client.send(['BEAT', JSON.stringify({ wid: 'worker-q', current_state: 'quiet' })]);
    await client.send(['BEAT', JSON.stringify({ wid: 'worker-t', current_state: 'terminate' })]);
    await until(() => quiet.state === 'quiet' && ending.state === 'stopped', { what: 'both obeyed' });
  });

  it('stops with FETCHes waiting on an empty queue, without waiting for them', async () => {
    const worker = newWorker({ concurrency: 300 }).register('add', () => {});
    await client.pushBulk(Array.from({ length: 3_000 }, () => ({ jobtype: 'add' })));
    await worker.work();
    await until(() => worker.stats().done === 3_000);
    await worker.stop();
    expect(worker.stats()).toMatchObject({ outstanding: 0, unreported: 0, done: 3_000 });
    expect(faktory.counts().working).toBe(0);
    await until(() => faktory.counts().workers === 0, { what: 'its connections gone' });
  });
});

describe('strict order of queues', () => {
  it('holds for what was fetched ahead: a job of the first queue starts before those of the second', async () => {
    const started: string[] = [];
    let end = (): void => {};
    const worker = newWorker({ concurrency: 1, prefetch: 5, queues: ['high', 'low'] });
    worker.handle('any', (ctx) => {
      started.push(ctx.job.queue);
      return new Promise<void>((resolve) => {
        end = resolve;
      });
    });
    await client.pushBulk(Array.from({ length: 5 }, () => ({ jobtype: 'any', queue: 'low' })));
    await worker.work();
    await until(() => worker.stats().ready === 4 && started.length === 1);
    await client.push({ jobtype: 'any', queue: 'high' });
    await until(() => worker.stats().ready === 5);
    end();
    await until(() => started.length === 2);
    expect(started).toEqual(['low', 'high']);
    for (let run = 3; run <= 6; run += 1) {
      end();
      await until(() => started.length === run);
    }
    end();
    await until(() => worker.stats().done === 6);
  });
});

describe('shutdown', () => {
  it('starts nothing once it aborts: what is held ready is handed back', async () => {
    const started: number[] = [];
    const worker = newWorker({ concurrency: 2, prefetch: 10, shutdownTimeoutMs: 0 });
    worker.handle('hold', (ctx, n: number) => {
      started.push(n);
      return new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
    });
    await client.pushBulk(Array.from({ length: 12 }, (_, n) => ({ jobtype: 'hold', args: [n] })));
    await worker.work();
    await until(() => worker.stats().ready === 10);
    await worker.stop();
    expect(started).toHaveLength(2);
    expect(worker.stats()).toMatchObject({ done: 2, handedBack: 10, unreported: 0 });
    expect(faktory.counts()).toMatchObject({ working: 0, failures: 0 });
    expect(faktory.counts().queues.default).toBe(10);
  });

  it('hands back, too, what others have pushed and would not pass our own rules', async () => {
    const worker = newWorker({ shutdownTimeoutMs: 0 });
    worker.use((ctx) => new Promise((_, reject) => ctx.signal.addEventListener('abort', reject)));
    const odd = [
      { jid: `j${'x'.repeat(127)}`, jobtype: 'a' },
      { jid: 'with/a/slash', jobtype: 'b' },
      { jid: 'deep-args-1', jobtype: 'c', args: [JSON.parse('['.repeat(150) + ']'.repeat(150))] },
      { jid: 'long-jobtype', jobtype: 'd'.repeat(300) },
      { jid: 'odd-retry-1', jobtype: 'e', retry: -5 },
    ].map((job) => ({ args: [], retry: 0, reserve_for: 60, ...job }));
    await client.send(['PUSHB', JSON.stringify(odd)]);
    await worker.work();
    await until(() => worker.stats().running === odd.length);
    await worker.stop();
    expect(worker.stats()).toMatchObject({ handedBack: odd.length, failed: 0 });
    expect(faktory.counts().queues.default).toBe(odd.length);
  });

  it('aborts what does not finish, and hands back what still does not: no retry burnt, the id stays', async () => {
    const ids: string[] = [];
    let reason: unknown;
    const first = newWorker({ shutdownTimeoutMs: 0 });
    first.handle('stuck', (ctx) => {
      ids.push(ctx.id);
      ctx.signal.addEventListener('abort', () => {
        reason = ctx.signal.reason;
      });
      return new Promise(() => {});
    });
    await first.work();
    const jid = await client.push({ jobtype: 'stuck', args: ['kept'], retry: 2, custom: { tenant: 7 } });
    await until(() => ids.length === 1);
    await first.stop();
    expect(reason).toMatchObject({ code: 'SHUTDOWN' });
    expect(first.stats()).toMatchObject({ handedBack: 1, failed: 0 });
    expect(faktory.counts()).toMatchObject({ working: 0, retries: 0, failures: 0 });

    const copies: JobPayload[] = [];
    const second = newWorker();
    second.handle('stuck', (ctx) => {
      ids.push(ctx.id);
      copies.push(ctx.job);
    });
    await second.work();
    await until(() => copies.length === 1);
    expect(ids).toEqual([jid, jid]);
    expect(copies[0]).toMatchObject({ args: ['kept'], retry: 2, custom: { tenant: 7 } });
    expect(copies[0]!.jid).toMatch(/\.1-[0-9a-f]{4}$/);
  });

  it('hands back, too, what ends by throwing because its signal aborted: that is no failure', async () => {
    const worker = newWorker({ shutdownTimeoutMs: 0 });
    worker.handle('heeds', (ctx) => new Promise((_, reject) => ctx.signal.addEventListener('abort', reject)));
    await worker.work();
    await client.push({ jobtype: 'heeds' });
    await until(() => worker.stats().running === 1);
    await worker.stop();
    expect(worker.stats()).toMatchObject({ done: 0, failed: 0, handedBack: 1, unreported: 0 });
    expect(faktory.counts()).toMatchObject({ working: 0, failures: 0, retries: 0 });
    expect(faktory.counts().queues.default).toBe(1);
  });

  it('lets a handler that heeds its signal finish: it is reported, not handed back', async () => {
    const worker = newWorker({ shutdownTimeoutMs: 0 });
    worker.handle(
      'heeds',
      (ctx) => new Promise<void>((resolve) => ctx.signal.addEventListener('abort', () => resolve())),
    );
    await worker.work();
    await client.push({ jobtype: 'heeds' });
    await until(() => worker.stats().running === 1);
    await worker.stop();
    expect(worker.stats()).toMatchObject({ done: 1, handedBack: 0 });
    expect(faktory.counts()).toMatchObject({ working: 0, enqueued: 0, failures: 0 });
  });
});

describe('jobs fetched ahead', () => {
  it('are handed back where no slot is freed for long, and others run them; once', async () => {
    let release = (): void => {};
    const busy = newWorker({ concurrency: 1, prefetch: 3 });
    busy.register('long', () => new Promise<void>((resolve) => (release = resolve)));
    busy.register('short', () => {});
    await client.push({ jobtype: 'long' });
    await busy.work();
    await until(() => busy.stats().running === 1);
    await client.pushBulk(Array.from({ length: 3 }, () => ({ jobtype: 'short' })));
    await until(() => busy.stats().ready > 0);
    let ran = 0;
    const free = newWorker({ concurrency: 10, prefetch: 0 }).register('short', () => {
      ran += 1;
    });
    await free.work();
    await until(() => ran > 0 && busy.stats().handedBack > 0);
    release();
    await until(() => ran + busy.stats().done === 4);
    expect(busy.stats().handedBack).toBeLessThanOrEqual(3);
  });

  it('are none where nothing starts: a job behind one of an hour stays in its queue', async () => {
    let release = (): void => {};
    const worker = newWorker({ concurrency: 1 });
    worker.register('long', () => new Promise<void>((resolve) => (release = resolve)));
    await worker.work();
    await client.push({ jobtype: 'long' });
    await until(() => worker.stats().running === 1);
    // What was on its way when it started, at most.
    await until(() => worker.stats().outstanding === 0);
    await client.push({ jobtype: 'long' });
    expect(worker.stats()).toMatchObject({ running: 1, ready: 0 });
    expect(faktory.counts().enqueued).toBe(1);
    release();
    await until(() => worker.stats().done === 1);
    release();
  });
});

describe('a link that fails', () => {
  it('sends reports again after a cut: no finished job runs twice', async () => {
    await using relay = await startRelay(faktory.url);
    const seen: string[] = [];
    const worker = newWorker({ url: relay.url, concurrency: 50 });
    worker.handle('add', (ctx) => seen.push(ctx.id));
    await worker.work();
    await client.pushBulk(Array.from({ length: 2_000 }, () => ({ jobtype: 'add', reserve_for: 60 })));
    await until(() => seen.length > 200);
    relay.freeze('down');
    relay.cut();
    relay.thaw('down');
    await until(() => faktory.counts().enqueued === 0 || worker.stats().stranded > 0);
    await until(() => worker.stats().unreported === 0 && worker.stats().outstanding > 0, {
      what: 'the reports sent',
    });
    expect(new Set(seen).size).toBe(seen.length);
    expect(worker.stats().late).toBe(0);
  });

  it('reports over a lane that lives when others have died unseen', async () => {
    await using relay = await startRelay(faktory.url);
    let done = 0;
    const worker = newWorker({ url: relay.url, concurrency: 100 }).register('add', () => {
      done += 1;
    });
    await client.pushBulk(Array.from({ length: 2_000 }, () => ({ jobtype: 'add' })));
    await worker.work();
    await until(() => done === 2_000 && worker.stats().unreported === 0);
    relay.blackhole(true);
    relay.blackhole(false);
    await until(() => worker.stats().stranded > 0, { timeoutMs: 15_000, what: 'the fetch lanes found dead' });
    // Some go to FETCHes that the dead sockets have left at Faktory; one comes to us.
    const another = async (): Promise<boolean> => {
      await client.push({ jobtype: 'add' });
      return done > 2_000;
    };
    await until(another, { everyMs: 100, what: 'a job over a new lane' });
    await until(() => worker.stats().unreported === 0, { timeoutMs: 5_000, what: 'the report answered' });
  });

  it('soaks up what a dead socket left behind: a job pushed after the cut is not handed to it', async () => {
    await using relay = await startRelay(faktory.url);
    const seen: number[] = [];
    const worker = newWorker({ url: relay.url, concurrency: 5 }).register('add', (n: number) => seen.push(n));
    await worker.work();
    await until(() => worker.stats().outstanding > 0);
    relay.cut();
    await until(() => worker.stats().outstanding > 0 && worker.stats().fetchLanes > 0);
    for (let i = 0; i < 20; i += 1) await client.push({ jobtype: 'add', args: [i] });
    await until(() => seen.length === 20);
    await settled();
  });

  it('registers itself again when Faktory is started anew', async () => {
    const port = await freePort();
    const before = await startEmbeddedFaktory({ port });
    const seen: number[] = [];
    const worker = newWorker({ url: before.url }).register('add', (n: number) => seen.push(n));
    await worker.work();
    await before.stop();
    await using again = await startEmbeddedFaktory({ port });
    await until(() => again.counts().workers === 1);
    await using pusher = new Client({ url: again.url, logger: false });
    await pusher.push({ jobtype: 'add', args: [7] });
    await until(() => seen.length === 1);
    await worker.stop();
  });

  it('registers itself again when Faktory has forgotten it', async () => {
    let beats = 0;
    const intercept = (line: string): string | undefined => {
      if (!line.startsWith('BEAT')) return undefined;
      beats += 1;
      return beats === 1 ? '-ERR unknown worker forgotten\r\n' : undefined;
    };
    await using forgetful = await startEmbeddedFaktory({ intercept });
    await using relay = await startRelay(forgetful.url);
    const seen: number[] = [];
    const worker = newWorker({ url: relay.url, wid: 'forgotten' }).register('add', (n: number) =>
      seen.push(n),
    );
    await worker.work();
    await until(() => beats >= 2, { what: 'a second HELLO and its beat' });
    await using pusher = new Client({ url: forgetful.url, logger: false });
    await pusher.push({ jobtype: 'add', args: [1] });
    await until(() => seen.length === 1);
    await worker.stop();
  });

  it('never opens more sockets than maxConnections', async () => {
    await using relay = await startRelay(faktory.url);
    let most = 0;
    let done = 0;
    const worker = newWorker({ url: relay.url, concurrency: 200, maxConnections: 5 });
    worker.register('add', () => {
      most = Math.max(most, relay.connections);
      done += 1;
    });
    await client.pushBulk(Array.from({ length: 3_000 }, () => ({ jobtype: 'add' })));
    await worker.work();
    await until(() => done === 3_000);
    expect(most).toBeLessThanOrEqual(5);
    expect(most).toBeGreaterThan(2);
    // Before the relay ends: what is owed would be waited for.
    await worker.stop();
  });
});

describe('options', () => {
  it.each([
    [{ concurrency: 0 }, 'concurrency is 0'],
    [{ concurrency: 1.5 }, 'concurrency is 1.5'],
    [{ prefetch: -1 }, 'prefetch is -1'],
    [{ wid: 'a\r\nb' }, 'wid is'],
    [{ queues: ['retries'] }, 'queue is "retries"'],
    [{ queues: {} }, 'queues is []'],
    [{ queues: { a: 0 } }, 'queues is {"a":0}'],
    [{ queues: 'default' as never }, 'queues is "default"'],
    [{ maxConnections: 2 }, 'maxConnections is 2'],
    [{ shutdownTimeoutMs: Number.POSITIVE_INFINITY }, 'shutdownTimeoutMs is Infinity'],
    [{ timeout: Number.NaN }, 'shutdownTimeoutMs is NaN'],
    [{ url: 'http://127.0.0.1' }, 'FAKTORY_URL is'],
  ])('refuses %j in one line', (options, text) => {
    expect(() => newWorker(options)).toThrow(text);
  });
});

describe('tokens that a worker before has left over', () => {
  it('are fetched away as quickly as jobs, and the jobs behind them run', async () => {
    await using relay = await startRelay(faktory.url, { delayMs: 25 });
    const names = Array.from({ length: 64 }, (_, i) => `millrace-wake.${String(i).padStart(2, '0')}`);
    for (const queue of names) {
      const tokens = Array.from({ length: 400 }, (_, i) => ({
        jid: `token-${queue}-${i}`,
        jobtype: 'millrace-wake',
        queue,
        args: [],
        retry: 0,
        reserve_for: 60,
      }));
      // As a worker does: a client's push may not.
      await client.send(['PUSHB', JSON.stringify(tokens)]);
    }
    await client.pushBulk(Array.from({ length: 2_000 }, () => ({ jobtype: 'add' })));
    let done = 0;
    const worker = newWorker({ url: relay.url, concurrency: 400, prefetch: 0 }).register('add', () => {
      done += 1;
    });
    await worker.work();
    await until(() => done === 2_000);
    // Two FETCHes at a time, as on an empty queue, would have taken them for 40 a second.
    expect(worker.stats().tokens).toBeGreaterThan(100);
    await worker.stop();
  });
});
