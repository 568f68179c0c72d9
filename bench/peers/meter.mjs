/**
 * What every peer of the benchmark counts with: calls `job()` for each job; when JOBS are done, or SECONDS are over,
 * one JSON line is printed. The first fifth is warm-up, unless so few jobs ran that there is nothing else.
 */
const JOBS = Number(process.env.JOBS);
const SECONDS = Number(process.env.SECONDS);

export function meter(onEnd) {
  let done = 0;
  let first;
  let warm;
  let ended = false;
  const mark = () => ({ done, at: performance.now(), cpu: process.cpuUsage() });
  const end = () => {
    if (ended) return;
    ended = true;
    const from = warm ?? first;
    const to = mark();
    const jobs = from === undefined ? 0 : to.done - from.done;
    const seconds = from === undefined ? SECONDS : (to.at - from.at) / 1000;
    const cpu = from === undefined ? 0 : to.cpu.user + to.cpu.system - from.cpu.user - from.cpu.system;
    process.stdout.write(`${JSON.stringify({ jobs, seconds, cpuMicros: cpu })}\n`, () => onEnd());
  };
  setTimeout(end, SECONDS * 1000);
  return function job() {
    done += 1;
    if (done === 1) first = mark();
    if (done === Math.ceil(JOBS / 5)) warm = mark();
    if (done === JOBS) end();
  };
}
