/** The worker of the rows: asked by its parent over IPC, ends with it. ORDER: the Worker's options. */
import { Worker } from 'millrace';

const worker = new Worker({ logger: false, trapSignals: false, ...JSON.parse(process.env.ORDER) });

let done = 0;
let release;
const released = new Promise((resolve) => {
  release = resolve;
});
/** Of all that were looked at since the last question. */
let most = { outstanding: 0, perLane: 0 };

/** Of all processes of a machine, in ms. */
const clock = () => Number(process.hrtime.bigint() / 1_000n) / 1_000;

worker.register('noop', () => {
  done += 1;
});
worker.register('hold', () => released);
worker.register('stamp', (pushedAt) => process.send({ event: 'stamp', value: clock() - pushedAt }));

const answers = {
  start: () => worker.work().then(() => undefined),
  done: () => done,
  stats: () => worker.stats(),
  cpuMicros: () => {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  /** Twice, since what finalizers give up is collected by the next one. */
  memory: () => {
    globalThis.gc();
    globalThis.gc();
    const { heapUsed, external, rss } = process.memoryUsage();
    return { held: heapUsed + external, rss };
  },
  watchFetches: () => {
    setInterval(() => {
      const { outstanding, fetchLanes } = worker.stats();
      const perLane = fetchLanes === 0 ? 0 : outstanding / fetchLanes;
      most = {
        outstanding: Math.max(most.outstanding, outstanding),
        perLane: Math.max(most.perLane, perLane),
      };
    }, 2);
  },
  mostFetches: () => most,
  stop: () => {
    release();
    return worker.stop();
  },
};

process.on('disconnect', () => process.exit(0));
process.on('message', async ({ id, what }) => {
  try {
    process.send({ id, value: await answers[what]() });
  } catch (error) {
    process.send({ id, error: String(error?.stack ?? error) });
  }
});
