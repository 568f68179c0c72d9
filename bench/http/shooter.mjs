/** Makes the load, so that nobody who is measured shares its event loop. */
import autocannon from 'autocannon';
import { answerCalls } from './ask.mjs';

/** The first part of a run is not counted: connections open, code is compiled. */
const WARM_S = 1;

answerCalls({
  /** Rate and latency of 2xx answers, and how many others there were. */
  async shoot({ seconds, ...options }) {
    const times = [];
    let others = 0;
    const instance = autocannon({ ...options, duration: WARM_S + seconds, sampleInt: 50 });
    const from = performance.now() + WARM_S * 1_000;
    instance.on('response', (_client, status, _bytes, ms) => {
      if (performance.now() < from) return;
      if (status >= 200 && status < 300) times.push(ms);
      else others += 1;
    });
    const { errors } = await instance;
    const took = (performance.now() - from) / 1_000;
    const sorted = Float64Array.from(times).sort();
    const p99 = sorted[Math.max(0, Math.ceil(sorted.length * 0.99) - 1)] ?? Number.NaN;
    return { perSecond: sorted.length / took, p99, others: others + errors };
  },
});
