/** As handlers.mjs; each line names the place of the job, and the partition that it ran in: order-check.ts reads them. */
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const file = openSync(process.env.LEDGER, 'a');

function note(what, ctx, key, index) {
  const { number, fence } = ctx.partition;
  writeSync(file, `${what} ${ctx.id} ${Date.now()} ${process.pid} ${key} ${index} ${number} ${fence}\n`);
}

/** Takes up to `ms`; fails at first where it is asked to. */
export const keyed =
  (key, index, { ms = 0, fails = 0 } = {}) =>
  async (ctx) => {
    note('start', ctx, key, index);
    if (ms > 0) await sleep(Math.random() * ms, undefined, { signal: ctx.signal });
    const attempt = (ctx.job.failure?.retry_count ?? -1) + 2;
    if (attempt <= fails) throw new Error('it fails at first');
    if (!ctx.signal.aborted) note('end', ctx, key, index);
  };
