/**
 * npm faktory-worker: a client by hand, and a worker. Ends well, by itself, once Faktory has told the worker to
 * terminate; throws as soon as something is not as the real Faktory has it.
 */
import assert from 'node:assert/strict';
import { Client, Worker } from 'faktory-worker';

const client = new Client({ poolSize: 2 });
const byHand = client.job('byhand', 'text <&> é', 1.5, { list: [1, 2] });
byHand.queue = 'node-hand';
const jid = await byHand.push();
const fetched = await client.fetch('node-empty', 'node-hand');
assert.deepEqual([fetched.jid, fetched.args[0]], [jid, 'text <&> é']);
assert.equal(await client.ack(jid), 'OK');

const doomed = client.job('doomed');
doomed.queue = 'node-hand';
await doomed.push();
await client.fetch('node-hand');
assert.equal(await client.fail(doomed.jid, new Error('by hand')), 'OK');
await client.retries.ofType('doomed').kill();

const jobs = ['add', 'add', 'fails'].map((jobtype) => client.job(jobtype, 1, 2));
for (const [i, queue] of ['node', 'no such name', 'node'].entries()) jobs[i].queue = queue;
const refused = await client.pushBulk(jobs);
assert.deepEqual(Object.keys(refused), [jobs[1].jid]);
assert.equal((await client.info()).faktory.queues.node, 2);
await client.close();

const worker = new Worker({
  wid: 'independent-node',
  concurrency: 2,
  queues: ['node'],
  beatInterval: 1,
  registry: {
    add: (...args) => console.log('ran add', args),
    fails: () => {
      throw new Error('on purpose');
    },
  },
});
worker.on('fail', () => {});
await worker.work();
