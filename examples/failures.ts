/**
 * What becomes of jobs that fail: a module for `millrace worker` or HANDLERS_FILE. End `npm start` first: its worker
 * takes the jobs, and has no handlers for them.
 *
 *     npx millrace dev examples/failures.ts
 *     curl -X POST http://127.0.0.1:3000/jobs/charge -d '{"user": 7}'
 *     curl -X POST http://127.0.0.1:3000/jobs/fetch -d '["http://127.0.0.1:9/nothing"]'
 *     curl -X POST http://127.0.0.1:3000/jobs/hang -d '[]'
 */
import { Unrecoverable, type Worker } from 'millrace';

const USERS = new Set([1, 2, 3]);

export default (worker: Worker): void => {
  // A retry cannot bring the user back: the job goes to Dead at once, and `dead` tells the program.
  worker.register('charge', ({ user }: { user: number }) => {
    if (!USERS.has(user)) throw new Unrecoverable(`there is no user ${user}`);
    console.log(JSON.stringify({ charged: user }));
  });
  worker.on('dead', ({ job, error }) => {
    console.log(JSON.stringify({ gaveUp: job.jobtype, jid: job.jid, why: String(error) }));
  });

  worker.handle(
    'fetch',
    async (ctx, url: string) => {
      const response = await fetch(url, { signal: ctx.signal });
      console.log(JSON.stringify({ url, status: response.status }));
    },
    {
      // Soon at first, while Faktory's own schedule begins with 15 s; after five attempts no more.
      retry: (attempt) => (attempt < 5 ? 500 * 2 ** attempt : 'dead'),
      // While most calls fail, the queue is left alone: its jobs wait in Faktory and burn no retries.
      breaker: { failures: 20, windowMs: 10_000, pauseMs: 30_000 },
    },
  );

  // Its signal aborts, the job fails with HANDLER_TIMEOUT, and its slot is free, though it never ends.
  worker.register('hang', () => new Promise(() => {}), { handlerTimeoutMs: 1_000 });
};
