import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import type { Logger } from '../../src/logger.ts';
import { startFaktory, type TestFaktory } from '../../src/testing/test-faktory.ts';
import type { WorkerOptions } from '../../src/worker/options.ts';
import { Worker } from '../../src/worker/worker.ts';
import { until } from '../helpers/until.ts';

/** What is the user's may throw and reject wherever it is called: the worker tells, and goes on. */

let faktory: TestFaktory;
let client: Client;
let worker: Worker;
let told: string[];

beforeEach(async () => {
  told = [];
  faktory = await startFaktory();
  client = new Client({ url: faktory.url, logger: false });
});

afterEach(async () => {
  await worker.stop();
  await client.close();
  await faktory.stop();
});

function start(options: WorkerOptions = {}): Promise<Worker> {
  const note = (_fields: object, text: string): void => {
    told.push(text);
  };
  const logger: Logger = { debug: note, info: note, warn: note, error: note };
  worker = new Worker({ url: faktory.url, logger, trapSignals: false, ...options });
  worker.register('fails', () => {
    throw new Error('no');
  });
  return worker.work();
}

const complaints = (): number => told.filter((text) => text === 'a listener of the worker threw').length;

describe.each(['throws', 'rejects'])('a listener that %s', (how) => {
  const listener = (): unknown => {
    if (how === 'rejects') return Promise.reject(new Error('my hook'));
    throw new Error('my hook');
  };

  it('of fail and dead disturbs nothing', async () => {
    await start({ onDead: listener as () => void });
    worker.on('fail', listener as () => void);
    await client.push({ jobtype: 'fails', retry: -1 });
    await until(() => worker.stats().dead === 1);
    await until(() => complaints() === 2);
    expect(worker.state).toBe('running');
  });

  it('of quiet and stop neither: stop() resolves', async () => {
    await start();
    worker.on('quiet', listener as () => void);
    worker.on('stop', listener as () => void);
    worker.quiet();
    await worker.stop();
    await until(() => complaints() === 2);
    expect(worker.state).toBe('stopped');
  });
});

it('a retry policy that promises is told of, and its rejection is heard', async () => {
  await start();
  worker.register(
    'promises',
    () => {
      throw new Error('no');
    },
    { retry: (() => Promise.reject(new Error('later'))) as never },
  );
  await client.push({ jobtype: 'promises', retry: 3 });
  await until(() => faktory.jobs({ state: 'retries' }).length === 1);
  expect(told.some((text) => text.includes('it takes ms from 0'))).toBe(true);
});

it('once stopped, nothing of it keeps the process alive: no timer of a handler that hangs', async () => {
  const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  await start({ shutdownTimeoutMs: 0 });
  worker.register('hangs', () => new Promise(() => {}), { handlerTimeoutMs: 60_000 });
  await client.push({ jobtype: 'hangs' });
  await until(() => worker.stats().running === 1);
  await worker.stop();
  await client.close();
  await until(
    () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length <= before + 1,
    { what: 'the timers gone (one is that of this wait)' },
  );
});
