import { describe, expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { Worker } from '../../src/worker/worker.ts';
import { describeOnEachFaktory } from '../helpers/each-faktory.ts';
import { startRelay } from '../helpers/relay.ts';
import { until } from '../helpers/until.ts';

describe('stopping', () => {
  describeOnEachFaktory('a worker with 1,000 FETCHes outstanding on an empty queue', (kind) => {
    it.each([{ roundTripMs: 0 }, { roundTripMs: 50 }])(
      'stops by wake tokens, $roundTripMs ms away',
      async ({ roundTripMs }) => {
        await using faktory = await kind.start();
        await using relay = await startRelay(faktory.url, { delayMs: roundTripMs / 2 });
        await using client = new Client({ url: faktory.url, logger: false });
        const jobs = 30_000;
        for (let i = 0; i < jobs; i += 1) await client.enqueue({ jobtype: 'noop' });
        await client.flush();

        const worker = new Worker({ url: relay.url, concurrency: 1_000, logger: false, trapSignals: false });
        worker.register('noop', () => {});
        await worker.work();
        await until(() => worker.stats().done === jobs, { timeoutMs: 40_000 });
        const { outstanding } = worker.stats();
        const start = performance.now();
        await worker.stop();
        const took = performance.now() - start;
        const { tokens, unreported } = worker.stats();
        console.log(
          `${faktory.kind}, ${roundTripMs} ms: ${outstanding} FETCHes called back, stopped in ${took.toFixed(0)} ms`,
        );

        // Next door as few as the rate needs are out; from afar one a slot.
        if (roundTripMs > 0) expect(outstanding).toBeGreaterThan(300);
        expect(tokens).toBeGreaterThanOrEqual(outstanding);
        expect(unreported).toBe(0);
      },
    );
  });
});
