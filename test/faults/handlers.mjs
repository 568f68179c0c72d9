/**
 * Handlers for `millrace worker` that write each start and end into the file named by LEDGER. One synchronous write
 * to a descriptor opened for appending: it is in the kernel before the handler goes on, so SIGKILL loses no line.
 */
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const file = openSync(process.env.LEDGER, 'a');

function note(what, id) {
  writeSync(file, `${what} ${id} ${Date.now()} ${process.pid}\n`);
}

/** Takes `ms` (default 0: at once). It obeys its signal: aborted, it has a start and no end. */
export const run =
  ({ ms = 0 } = {}) =>
  async (ctx) => {
    note('start', ctx.id);
    if (ms > 0) await sleep(ms, undefined, { signal: ctx.signal });
    note('end', ctx.id);
  };

/** Fails the first time, and writes its end the second. */
const failed = new Set();
export const failOnce = () => (ctx) => {
  note('start', ctx.id);
  if (!failed.has(ctx.id) && !ctx.job.failure) {
    failed.add(ctx.id);
    throw new Error('the first time it fails');
  }
  note('end', ctx.id);
};
