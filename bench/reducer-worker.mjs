/**
 * The worker of bench/reducer.ts, built (dist/): additions whose sums are reduced. What it prints, one JSON line, is
 * counted from a fifth of JOBS on, until the last of them is reduced.
 */
import { RecentSources, Worker } from 'millrace';

const JOBS = Number(process.env.JOBS);
const WARM_UP = 0.2;

const worker = new Worker({ concurrency: 100, queues: ['sums', 'additions'], logger: false });
const recent = new RecentSources();
let [total, results, calls] = [0, 0, 0];
const mark = () => ({ results, calls, at: performance.now(), cpu: process.cpuUsage() });
let warm;

worker.register('add', (a, b) => a + b, { reduceTo: { jobtype: 'sum', queue: 'sums' } });
worker.registerReducer('sum', {
  process: async (batch, { signal }) => {
    await recent.once(
      batch,
      (fresh) => {
        for (const { result } of fresh) total += result;
        results += fresh.length;
        calls += 1;
      },
      { signal },
    );
    if (results >= JOBS * WARM_UP) warm ??= mark();
    if (results === JOBS) end(mark());
  },
});

function end(to) {
  const figure = {
    total,
    results: to.results - warm.results,
    calls: to.calls - warm.calls,
    seconds: (to.at - warm.at) / 1000,
    cpuMicros: to.cpu.user + to.cpu.system - warm.cpu.user - warm.cpu.system,
  };
  process.stdout.write(`${JSON.stringify(figure)}\n`, () => void worker.stop().then(() => process.exit(0)));
}

await worker.work();
console.log('working');
