/**
 * Handlers by jobtype: every exported function handles the jobtype of its name and gets the job's arguments.
 *
 *     npx millrace worker examples/handlers.ts     (`npm start` runs them, too)
 *
 * `curl -s -X POST http://127.0.0.1:3000/jobs/add -d '{"a": 1, "b": 2}'` runs `add({ a: 1, b: 2 })`. What a handler
 * throws fails its job, and Faktory tries it again later; what it returns is dropped.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** Adds two numbers, and logs the sum as a JSON line. */
export function add({ a, b }: { a: number; b: number }): void {
  console.log(JSON.stringify({ jobtype: 'add', a, b, result: a + b }));
}

/**
 * Takes its time, as a handler that waits for a database does: many of them run at once. A handler may return a
 * function, which then gets the context; its `signal` aborts when the worker must end.
 */
export const pause =
  ({ ms }: { ms: number }) =>
  async ({ signal }: { signal: AbortSignal }): Promise<void> => {
    await sleep(ms, undefined, { signal });
    console.log(JSON.stringify({ jobtype: 'pause', ms }));
  };

/** Fails: look at the job in Faktory's Retries. */
export function fail({ reason }: { reason: string }): never {
  throw new Error(reason);
}
