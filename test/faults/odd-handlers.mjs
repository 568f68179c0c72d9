/** Handlers of `millrace worker` that could end a process: they write as handlers.mjs does. */
import { openSync, writeSync } from 'node:fs';

const file = openSync(process.env.LEDGER, 'a');
const note = (what, id) => writeSync(file, `${what} ${id} ${Date.now()} ${process.pid}\n`);

const trap = () => {
  throw new Error('a trap');
};
/** Nothing at all can be asked of it. */
const mined = () =>
  new Proxy(new Error('mined'), {
    get: trap,
    has: trap,
    getPrototypeOf: trap,
    ownKeys: trap,
    getOwnPropertyDescriptor: trap,
  });

export default (worker) => {
  worker.handle('run', (ctx) => {
    note('start', ctx.id);
    note('end', ctx.id);
  });
  worker.handle('throws', () => {
    throw mined();
  });
  worker.handle('rejects', () => Promise.reject(mined()));
  worker.handle('returns', () => mined());
  worker.handle('deaf', () => new Promise(() => {}), { handlerTimeoutMs: 200 });
};
