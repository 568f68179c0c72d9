import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { until } from '../helpers/until.ts';
import { Ledger } from './ledger.ts';
import { LEASE_ENDS_MS } from './one-at-a-time.ts';
import { setStage } from './stage.ts';

const handlers = fileURLToPath(new URL('./batch-handlers.mjs', import.meta.url));
/** Four batches that run, and as many jobs again that are gathered. */
const HELD = 4 * 25 * 2;

describeOnRealFaktory('a worker with a batch handler', () => {
  describe.concurrent('loses nothing', () => {
    it('row 29: by SIGKILL amid its batches', async () => {
      using ledger = new Ledger({ row: 29, name: 'SIGKILL of a worker amid its batches' });
      await using stage = await setStage(ledger);
      const worker = await stage.startWorker({ concurrency: 10, handlers });
      for (let i = 0; i < 1_000; i += 1) await stage.push(1, { args: [{ ms: ledger.int(100, 300) }] });
      await stage.untilEnded(ledger.int(100, 200));
      worker.process.kill('SIGKILL');
      ledger.cleared();
      await stage.startWorker({ concurrency: 10, handlers });
      await stage.untilDrained({ timeoutMs: LEASE_ENDS_MS });
      const report = ledger.settle();
      expect(report).toMatchObject({ lost: 0, accepted: 1_000, executed: 1_000, ghosts: 0, open: 0 });
      // Those that ran; of those that had ended, the ones whose ACK was not answered.
      expect(report.extraRuns).toBeLessThanOrEqual(HELD);
    });

    it('row 28: by SIGTERM: what runs ends, what is gathered is handed back, none runs twice', async () => {
      using ledger = new Ledger({ row: 28, name: 'SIGTERM of a worker amid its batches' });
      await using stage = await setStage(ledger);
      const worker = await stage.startWorker({ concurrency: 10, handlers });
      await stage.push(500, { args: [{ ms: 1_000 }] });
      await until(() => ledger.runs().length >= 100);
      worker.process.kill('SIGTERM');
      expect(await worker.process.waitForExit({ timeoutMs: 12_000 })).toMatchObject({ code: 0 });
      await stage.startWorker({ concurrency: 10, handlers });
      await stage.untilDrained();
      expect(ledger.settle()).toMatchObject({ lost: 0, accepted: 500, executed: 500, twice: 0, ghosts: 0 });
    });
  });
});
