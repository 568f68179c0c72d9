/**
 * One list of jobs for both sides: the compiler holds pushers and handlers to it.
 *
 *     npx jiti examples/typed.ts     (with a Faktory, such as `npm start`; it has a queue of its own)
 */
import { Client, Worker } from 'millrace';

interface Jobs {
  add: [numbers: { a: number; b: number }];
  greet: [name: string, times?: number];
}

/** No other worker takes from it. */
const QUEUE = 'typed';

const client = new Client({ logger: false });
const worker = new Worker({ concurrency: 10, queues: [QUEUE], logger: false, trapSignals: false });

function push<T extends keyof Jobs>(jobtype: T, ...args: Jobs[T]): Promise<string> {
  return client.push({ jobtype, args, queue: QUEUE });
}

function handle<T extends keyof Jobs>(jobtype: T, handler: (...args: Jobs[T]) => unknown): void {
  worker.register(jobtype, handler);
}

const done: string[] = [];
handle('add', ({ a, b }) => done.push(`${a} + ${b} = ${a + b}`));
handle('greet', (name, times = 1) => done.push('hello '.repeat(times) + name));

await worker.work();
await push('add', { a: 1, b: 2 });
await push('greet', 'world', 2);
// await push('add', { a: 1 });        // does not compile: b is missing
// await push('subtract', 1, 2);       // does not compile: no such job

while (done.length < 2) await new Promise(setImmediate);
console.log(done.sort().join('\n'));
await worker.stop();
await client.close();
