import { afterEach, beforeEach, expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import type { Logger } from '../../src/logger.ts';
import { startFaktory, type TestFaktory } from '../../src/testing/test-faktory.ts';
import { Unrecoverable } from '../../src/unrecoverable.ts';
import { Worker } from '../../src/worker/worker.ts';
import { until } from '../helpers/until.ts';

/** What it says to a command, beside doing it or instead. */
let say: (line: string) => string | undefined;
let faktory: TestFaktory;
let client: Client;
let worker: Worker;
let warned: string[];
const dead: string[] = [];

beforeEach(async () => {
  say = () => undefined;
  warned = [];
  dead.length = 0;
  faktory = await startFaktory({ intercept: (line) => say(line) });
  client = new Client({ url: faktory.url, logger: false });
  const note = (_fields: object, text: string): void => {
    warned.push(text);
  };
  const logger: Logger = { debug: () => {}, info: () => {}, warn: note, error: note };
  worker = new Worker({
    url: faktory.url,
    logger,
    trapSignals: false,
    onDead: ({ job }) => dead.push(job.jid),
  });
  worker.register('gone', () => {
    throw new Unrecoverable('no such user');
  });
  await worker.work();
});

afterEach(async () => {
  await worker.stop();
  await client.close();
  await faktory.stop();
});

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;

it('leaves jobs to their own retries while Retries is so large that a scan may time out', async () => {
  const info = { faktory: { queues: {}, sets: { retries: 20_000 } }, server: { uptime: 60 } };
  say = (line) => (line.startsWith('INFO') ? bulk(JSON.stringify(info)) : undefined);
  await client.push({ jobtype: 'gone' });
  await until(() => warned.some((text) => text.includes('Retries holds 20000')));
  expect(faktory.jobs({ state: 'retries' })).toHaveLength(1);
  expect([dead, worker.stats().dead]).toEqual([[], 0]);
});

it('tells when Faktory does not do it, and the job is retried', async () => {
  say = (line) => (line.startsWith('MUTATE') ? '-ERR context deadline exceeded\r\n' : undefined);
  await client.push({ jobtype: 'gone' });
  await until(() => warned.some((text) => text.includes('Faktory did not do it')));
  expect(faktory.jobs({ state: 'retries' })).toHaveLength(1);
  expect(dead).toEqual([]);
});

it('asks again when the answer was lost', async () => {
  faktory.faults.dropReplies(1, 'MUTATE');
  const jid = await client.push({ jobtype: 'gone' });
  await until(() => dead.length === 1);
  expect(dead).toEqual([jid]);
  expect(faktory.jobs({ state: 'dead' })).toHaveLength(1);
});
