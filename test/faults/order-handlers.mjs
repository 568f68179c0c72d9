/** As handlers.mjs; each line names the place of the job, its owner and its run: order-log.ts reads them. */
import { closeSync, existsSync, openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const file = openSync(process.env.LEDGER, 'a');
let runs = 0;

function noteOf(ctx, key, index, attempt) {
  const { number, fence } = ctx.partition;
  const { e: epoch, n } = ctx.job.custom.millrace;
  runs += 1;
  const place = `${process.pid} ${key} ${index} ${number} ${fence} ${attempt} ${runs} ${epoch} ${n}`;
  return (what) => writeSync(file, `${what} ${ctx.id} ${Date.now()} ${place}\n`);
}

const LOOK_MS = 25;
const STILL_MS = 250;
let lookedAt = Date.now();

/** Whoever stands still, for whatever reason, says so as soon as it can. */
function tellStandstill() {
  const from = lookedAt;
  lookedAt = Date.now();
  if (lookedAt - from >= STILL_MS) writeSync(file, `still - ${lookedAt} ${process.pid} ${from}\n`);
}
setInterval(tellStandstill, LOOK_MS).unref();

/** Keeps the event loop for so long: at the job's first run alone, or nobody would ever end it. */
function block(id, ms) {
  try {
    closeSync(openSync(`${process.env.LEDGER}.${id}`, 'wx'));
  } catch {
    return;
  }
  tellStandstill();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  tellStandstill();
}

/**
 * Takes up to `ms`; fails at first where it is asked to; blocks its process for `blockMs`, once the file `gate` is there
 * if one is named.
 */
export const keyed =
  (key, index, { ms = 0, fails = 0, blockMs = 0, gate } = {}) =>
  async (ctx) => {
    const attempt = (ctx.job.failure?.retry_count ?? -1) + 2;
    const note = noteOf(ctx, key, index, attempt);
    const onAbort = () => note('abort');
    note('start');
    ctx.signal.addEventListener('abort', onAbort);
    try {
      while (gate !== undefined && !existsSync(gate)) await sleep(5, undefined, { signal: ctx.signal });
      if (ms > 0) await sleep(Math.random() * ms, undefined, { signal: ctx.signal });
      if (blockMs > 0) block(ctx.id, blockMs);
      if (attempt <= fails) throw new Error('it fails at first');
      ctx.signal.throwIfAborted();
      note('end');
    } catch (error) {
      if (!ctx.signal.aborted) note('fail');
      throw error;
    } finally {
      ctx.signal.removeEventListener('abort', onAbort);
    }
  };
