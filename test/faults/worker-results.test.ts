/** Results on their way to a reducer while workers die: TARGETS, order and batches. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { newJid } from '../../src/protocol/job.ts';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { Ledger } from './ledger.ts';
import { LEASE_ENDS_MS } from './one-at-a-time.ts';
import { setStage } from './stage.ts';

const handlers = fileURLToPath(new URL('./result-handlers.mjs', import.meta.url));
const JOBS = 3_000;

describeOnRealFaktory('results', () => {
  it.concurrent('row 43: SIGKILL of a worker, twice: no result is lost, duplicates bear their source', async () => {
    using ledger = new Ledger({ row: 43, name: 'SIGKILL of a worker whose results are reduced' });
    await using stage = await setStage(ledger);
    const folder = mkdtempSync(join(tmpdir(), 'millrace-results-'));
    const env = {
      RESULTS: join(folder, 'results'),
      RESULT_MAX_SIZE: '20',
      RESULT_MAX_DELAY_MS: '50',
      WORKER_QUEUES: 'sums,default',
    };
    try {
      const pushes = Array.from({ length: JOBS }, (_, n) => {
        const jid = newJid();
        return ledger.follow(jid, stage.client.push({ jid, jobtype: 'run', args: [{ n }], reserve_for: 60 }));
      });
      await Promise.all(pushes);
      for (const share of [ledger.int(200, 600), ledger.int(1_000, 1_500)]) {
        const worker = await stage.launchWorker({ handlers, env, concurrency: 50 });
        await stage.untilEnded(share);
        worker.process.kill('SIGKILL');
      }
      ledger.cleared();
      await stage.startWorker({ handlers, env, concurrency: 50 });
      await stage.untilDrained({ timeoutMs: LEASE_ENDS_MS });

      const results = readFileSync(env.RESULTS, 'utf8').trim().split('\n');
      const bySource = new Map(results.map((line) => line.split(' ') as [string, string]));
      ledger.note('results reduced twice', results.length - bySource.size);
      const report = ledger.settle();
      expect(report).toMatchObject({ accepted: JOBS, executed: JOBS, lost: 0, refused: 0 });
      // After duplicates are dropped: each number once.
      const sum = [...bySource.values()].reduce((all, n) => all + Number(n), 0);
      expect([bySource.size, sum]).toEqual([JOBS, (JOBS * (JOBS - 1)) / 2]);
      // Some ran twice, or the kills met nothing.
      expect(report.twice).toBeGreaterThan(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
