/** A batch handler for `millrace worker` that writes the start and end of each of its jobs into the file named by LEDGER. */
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const file = openSync(process.env.LEDGER, 'a');

function note(what, jobs) {
  writeSync(file, jobs.map(({ id }) => `${what} ${id} ${Date.now()} ${process.pid}\n`).join(''));
}

/** Its jobs end together, after as long as the first of them says. */
export default (worker) =>
  worker.registerBatch('run', { maxSize: 25, maxDelayMs: 50, concurrency: 4 }, async (jobs, { signal }) => {
    note('start', jobs);
    await sleep(jobs[0].args[0]?.ms ?? 0, undefined, { signal });
    note('end', jobs);
  });
