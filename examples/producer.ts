/**
 * Pushing jobs from a program. Start a Faktory, by `npm start` (whose worker then runs them) or `npx millrace faktory`:
 *
 *     npx jiti examples/producer.ts
 */
import { Client, isMillraceError } from 'millrace';

await using client = new Client(); // FAKTORY_URL, FAKTORY_PASSWORD

// One job: the promise resolves when Faktory has it.
const jid = await client.push({ jobtype: 'add', args: [{ a: 1, b: 2 }] });
console.log(`pushed ${jid}`);

// Many at once travel as one PUSHB.
const jids = await Promise.all([1, 2, 3].map((a) => client.push({ jobtype: 'add', args: [{ a, b: 10 }] })));
console.log(`pushed ${jids.length} more`);

// Without waiting for each: enqueue goes on as soon as there is room, flush waits until all are stored.
for (let a = 0; a < 1_000; a += 1) await client.enqueue({ jobtype: 'add', args: [{ a, b: 100 }] });
await client.flush();
console.log('enqueued 1000');

// From anything that can be iterated, a database cursor or a file, in flat memory, each with its outcome.
function* fromSomewhere() {
  yield { jobtype: 'add', args: [{ a: 7, b: 8 }] };
  yield { jobtype: '', args: [] };
}
for await (const { job, jid, error } of client.pushAll(fromSomewhere())) {
  console.log(error === undefined ? `stored ${jid}` : `refused ${JSON.stringify(job)}: ${error.message}`);
}

// Later, and what happens when something is wrong with it.
await client.push({ jobtype: 'add', args: [{ a: 1, b: 1 }], at: new Date(Date.now() + 60_000), retry: 5 });
try {
  await client.push({ jobtype: 'add', queue: 'no such name!' });
} catch (error) {
  if (!isMillraceError(error, 'JOB_INVALID')) throw error;
  console.log(`refused before it was sent: ${error.message}`);
}
