/**
 * Tests of jobs with node:test, and plain JavaScript.
 *
 *     node --test examples/testing/node-test.mjs
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { Client, Worker } from 'millrace';
import { runJob, startFaktory } from 'millrace/testing';

let faktory;
let client;
let worker;
let sums;
let databaseIsDown;

beforeEach(async () => {
  faktory = await startFaktory();
  client = new Client({ url: faktory.url, logger: false });
  worker = new Worker({ url: faktory.url, logger: false, trapSignals: false });
  sums = [];
  databaseIsDown = false;
  worker.register('add', (a, b) => {
    if (databaseIsDown) throw new RangeError('no connection');
    sums.push(a + b);
    return a + b;
  });
});

afterEach(async () => {
  await worker.stop();
  await client.close();
  await faktory.stop();
});

test('push, run, assert', async () => {
  await worker.work();
  await client.push({ jobtype: 'add', args: [1, 2] });
  await faktory.drain();
  assert.deepEqual(sums, [3]);
});

test('a failure, and its retry an hour later', async () => {
  await worker.work();
  databaseIsDown = true;
  await client.push({ jobtype: 'add', args: [1, 2] });
  await faktory.drain();
  assert.equal(faktory.jobs({ state: 'retries' })[0].failure.errtype, 'RangeError');
  databaseIsDown = false;
  faktory.clock.advance(3600 * 1000);
  await faktory.drain();
  assert.deepEqual(sums, [3]);
});

test('a fault: every connection is cut while jobs wait', async () => {
  await client.push({ jobtype: 'add', args: [1, 2] });
  await worker.work();
  faktory.faults.cut();
  await client.push({ jobtype: 'add', args: [3, 4] });
  await faktory.drain();
  assert.deepEqual(new Set(sums), new Set([3, 7]));
});

test('one handler, and no Faktory at all', async () => {
  assert.equal(await runJob(worker, 'add', 20, 22), 42);
  await assert.rejects(runJob(worker, 'subtract', 1, 2), { code: 'HANDLER_UNKNOWN' });
});
