/**
 * Handlers whose results are reduced. A start is that of a job, an end that its result has been reduced: so a job is lost
 * where no result of it ever is. The results themselves go into the file named by RESULTS.
 */
import { openSync, writeSync } from 'node:fs';

const ledger = openSync(process.env.LEDGER, 'a');
const file = openSync(process.env.RESULTS, 'a');

export default (worker) => {
  worker.handle(
    'run',
    async (ctx, { n }) => {
      writeSync(ledger, `start ${ctx.id} ${Date.now()} ${process.pid}\n`);
      await new Promise(setImmediate);
      return n;
    },
    { reduceTo: { jobtype: 'sum', queue: 'sums', reserveFor: 60 } },
  );
  worker.registerReducer('sum', {
    process: (results) => {
      const lines = results.map(({ source, result }) => `${source} ${result}\n`);
      writeSync(file, lines.join(''));
      const ends = results.map(({ source }) => `end ${source} ${Date.now()} ${process.pid}\n`);
      writeSync(ledger, ends.join(''));
    },
  });
};
