/**
 * The soak's handler for `millrace worker`: writes each start, throw and end into the file named by LEDGER, with one
 * synchronous append each, so that SIGKILL loses no line. While the file THROWING exists it throws.
 */
import { existsSync, openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const file = openSync(process.env.LEDGER, 'a');
const { THROWING } = process.env;
const HANDLER_MS = Number(process.env.HANDLER_MS);

function note(what, id, jid) {
  writeSync(file, `${what} ${id} ${jid} ${Date.now()} ${process.pid}\n`);
}

export const soak =
  ({ id }) =>
  async (ctx) => {
    note('start', id, ctx.id);
    if (existsSync(THROWING)) {
      note('throw', id, ctx.id);
      throw new Error('the soak has its handlers throw for a second');
    }
    await sleep(HANDLER_MS, undefined, { signal: ctx.signal });
    note('end', id, ctx.id);
  };
