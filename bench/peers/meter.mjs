/**
 * What every peer of the benchmark counts with; those in Go and Rust do the same. Time counts from the first job on.
 * The first fifth, of JOBS or of SECONDS, is warm-up; the measurement ends with the last of JOBS or after SECONDS, and
 * one JSON line is printed. How it came to its speed is in the samples: ms since the worker was started, and jobs done.
 */
const JOBS = Number(process.env.JOBS);
const SECONDS = Number(process.env.SECONDS);
const WARM_UP = 0.2;
const SAMPLE_MS = 100;
/** No job at all for so long, beyond SECONDS, is a figure too: 0. BullMQ takes 25 s to its first at 50 ms and 500 slots. */
const FIRST_JOB_S = 40;

/** Call it when everything is loaded and the worker is about to be started; then `job()` for each job. */
export function meter(onEnd) {
  const startedAt = performance.now();
  const samples = [[0, 0]];
  let done = 0;
  let warm;
  let ended = false;
  const mark = () => ({ done, at: performance.now(), cpu: process.cpuUsage() });
  const sample = () => samples.push([Math.round(performance.now() - startedAt), done]);
  const sampling = setInterval(sample, SAMPLE_MS);
  const end = () => {
    if (ended) return;
    ended = true;
    clearInterval(sampling);
    sample();
    const to = mark();
    const from = warm ?? to;
    const figure = {
      jobs: to.done - from.done,
      seconds: (to.at - from.at) / 1000,
      cpuMicros: to.cpu.user + to.cpu.system - from.cpu.user - from.cpu.system,
      samples,
    };
    process.stdout.write(`${JSON.stringify(figure)}\n`, () => onEnd());
  };
  const isWarm = () => {
    warm ??= mark();
  };
  const giveUp = setTimeout(end, (SECONDS + FIRST_JOB_S) * 1000);
  const begin = () => {
    clearTimeout(giveUp);
    setTimeout(isWarm, SECONDS * WARM_UP * 1000);
    setTimeout(end, SECONDS * 1000);
  };
  const warmAt = Math.ceil(JOBS * WARM_UP);
  return function job() {
    done += 1;
    if (done === 1) begin();
    if (done === warmAt) isWarm();
    if (done === JOBS) end();
  };
}
