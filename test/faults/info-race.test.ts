/** A Faktory with many queues whose INFO is asked all the time: what can end its process, and must not. */
import { expect, it } from 'vitest';
import { WAKE_QUEUE_PREFIX } from '../../src/protocol/wake-queue.ts';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { answersHi } from '../helpers/faktory-url.ts';
import type { RealFaktory } from '../helpers/real-faktory.ts';
import { startFleet } from './fleet.ts';
import { Ledger } from './ledger.ts';
import { LEASE_ENDS_MS } from './one-at-a-time.ts';
import { connectRaw, makeQueues, pollInfo } from './raw-faktory.ts';
import { setStage } from './stage.ts';

const QUEUES = Array.from({ length: 100 }, (_, i) => `queue-${i}`);
/** Made once in a Faktory's life, by their first use: that, as of any queue, may meet an INFO and end it. */
const WAKE_QUEUES = Array.from({ length: 64 }, (_, i) => `${WAKE_QUEUE_PREFIX}${String(i).padStart(2, '0')}`);
const ROUNDS = process.env.MILLRACE_LONG === '1' ? 1_000 : 20;

describeOnRealFaktory('a Faktory whose INFO is asked all the time lives when', () => {
  it('row 41: 50 workers stop at once, again and again', async () => {
    using ledger = new Ledger({ row: 41, name: `50 workers stop at once, ${ROUNDS} times` });
    await using stage = await setStage(ledger);
    await using others = await connectRaw(stage.faktory, 'foreign');
    await makeQueues(others, [...QUEUES, ...WAKE_QUEUES]);
    const polling = pollInfo(others, 50);
    for (let round = 0; round < ROUNDS; round += 1) {
      const workers = await startFleet(ledger, stage.faktory.url);
      await stage.push(200);
      await Promise.all(workers.map((worker) => worker.stop()));
      expect(workers.map((worker) => worker.state)).toEqual(workers.map(() => 'stopped'));
      await expectAlive(stage.faktory);
    }
    const last = await startFleet(ledger, stage.faktory.url);
    await stage.untilDrained({ timeoutMs: LEASE_ENDS_MS });
    await Promise.all(last.map((worker) => worker.stop()));
    ledger.note('INFOs', polling.stop());
    expect(ledger.settle()).toMatchObject({ lost: 0, accepted: 200 * ROUNDS, open: 0, ghosts: 0 });
    await expectAlive(stage.faktory);
  }, 1_800_000);

  it('row 11: a client pushes to many queues and a worker fetches from them', async () => {
    using ledger = new Ledger({ row: 11, name: 'INFO 20 times a second, 100 queues' });
    await using stage = await setStage(ledger);
    await using others = await connectRaw(stage.faktory, 'foreign');
    await makeQueues(others, QUEUES);
    const polling = pollInfo(others, 50);
    const queues = QUEUES.slice(0, 20);
    for (let round = 0; round < 5; round += 1) {
      const worker = await stage.startWorker({ env: { WORKER_QUEUES: queues.join() } });
      await Promise.all(queues.map((queue) => stage.push(50, { queue })));
      await stage.untilAllRan();
      expect((await worker.process.stop('SIGTERM')).code).toBe(0);
      await expectAlive(stage.faktory);
    }
    ledger.note('INFOs', polling.stop());
    expect(ledger.settle()).toMatchObject({ lost: 0, twice: 0, accepted: 5_000, open: 0, ghosts: 0 });
  });
});

async function expectAlive(faktory: RealFaktory): Promise<void> {
  expect(await answersHi(faktory), faktory.output.slice(0, 2_000)).toBe(true);
}
