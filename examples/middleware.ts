/**
 * A handlers file that registers by itself: its default export gets the Worker. Middleware is koa's: before, next,
 * after; what it puts on the context, handlers find there.
 *
 *     npx millrace dev examples/middleware.ts     (end `npm start` first: its worker takes the jobs)
 *     curl -X POST http://127.0.0.1:3000/jobs/invoice -d '[42]'
 */
import type { JobContext, Worker } from 'millrace';

/** Stands for a pool of connections. */
const pool = {
  query: async (sql: string): Promise<string> => `result of ${sql}`,
};

export default function register(worker: Worker): void {
  worker.use(async (ctx, next) => {
    const start = performance.now();
    try {
      await next();
    } finally {
      const ms = (performance.now() - start).toFixed(1);
      console.log(JSON.stringify({ jobtype: ctx.job.jobtype, jid: ctx.job.jid, ms: Number(ms) }));
    }
  });

  worker.use((ctx, next) => {
    ctx.pool = pool;
    return next();
  });

  // faktory-worker's form: a function of the arguments that returns a function of the context.
  worker.register('report', (month: string) => async (ctx: JobContext) => {
    const rows = await (ctx.pool as typeof pool).query(`select … where month = ${month}`);
    console.log(JSON.stringify({ month, rows }));
  });

  // The nicer form: the context comes first.
  worker.handle('invoice', async (ctx, id: number) => {
    console.log(JSON.stringify({ invoice: id, idempotencyKey: ctx.id }));
  });
}
