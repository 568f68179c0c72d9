/** Handlers of `millrace worker` for the tests of stopping: they write as handlers.mjs does, and end as they are named. */
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const file = openSync(process.env.LEDGER, 'a');
const note = (what, id) => writeSync(file, `${what} ${id} ${Date.now()} ${process.pid}\n`);

/** Runs for a while, and takes no notice of its signal. */
export const nap =
  ({ ms }) =>
  async (ctx) => {
    note('start', ctx.id);
    await sleep(ms);
    note('end', ctx.id);
  };

/** Never ends. */
export const stuck = () => (ctx) => {
  note('start', ctx.id);
  return new Promise(() => {});
};

/** Ends by throwing what its signal says. */
export const obeys = () => async (ctx) => {
  note('start', ctx.id);
  await sleep(600_000, undefined, { signal: ctx.signal });
};

/** Its signal makes it finish. */
export const finishes = () => async (ctx) => {
  note('start', ctx.id);
  await sleep(600_000, undefined, { signal: ctx.signal }).catch(() => {});
  note('end', ctx.id);
};
