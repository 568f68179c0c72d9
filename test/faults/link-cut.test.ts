import { expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import type { Relay } from '../helpers/relay.ts';
import { until } from '../helpers/until.ts';
import { Ledger } from './ledger.ts';
import { Faults, localWorker, pushJobs, Watch } from './local.ts';
import { setStage } from './stage.ts';

describeOnRealFaktory('a fetch lane cut, the queue idle', () => {
  it.for(['fin', 'rst'] as const)(
    'row 17: by %s after some of its replies: tokens take the FETCHes it leaves behind, no job is stranded',
    async (act) => {
      using ledger = new Ledger({ row: 17, name: `one fetch lane cut by ${act}, idle` });
      await using stage = await setStage(ledger, { relay: { messages: true, delayMs: 25 } });
      const { relay, faktory } = stage;
      await using client = new Client({ url: faktory.url, logger: false });
      await pushJobs(ledger, client, 6_000);
      await using worker = localWorker(ledger, relay.url, { concurrency: 500 });
      const faults = new Faults(worker);
      await worker.work();
      await until(() => worker.stats().done === ledger.acceptedCount, { timeoutMs: 30_000 });
      // The queue is empty, and hundreds of FETCHes wait: the lane that gets this job dies with the others of its own.
      relay.rule({ side: 'down', match: /"args":\["last"\]/, act });
      const { outstanding, fetchLanes } = worker.stats();
      const tokens = new Tokens(relay);
      await pushJobs(ledger, client, 1, { args: ['last'] });
      await until(() => worker.stats().stranded > 0);
      const { stranded } = worker.stats();
      await tokens.stored();
      ledger.cleared();
      await pushJobs(ledger, client, 500);
      await stage.untilAllRan();
      await until(() => worker.stats().unreported === 0);
      // Held by nobody: the tokens that the dead socket has taken. One FETCH or two had not arrived when it died.
      const { working } = (await stage.held()).sets;
      ledger.note('FETCHes out', outstanding);
      ledger.note('fetch lanes', fetchLanes);
      ledger.note('left behind', stranded);
      ledger.note('tokens it took', working);
      ledger.note('faults', faults.shown);
      expect(ledger.settle()).toMatchObject({ lost: 0, twice: 0, executed: 6_501 });
      expect(working).toBeLessThanOrEqual(stranded);
      expect(stranded).toBeGreaterThan(0);
      // A FIN that comes with replies and a reset both are told as one loss of one lane.
      expect(faults.all.map(({ code }) => code)).toEqual(['CONNECTION_LOST']);
    },
  );

  it('row 17: every lane at once, the control lane too: the tokens go out as soon as it is back', async () => {
    using ledger = new Ledger({ row: 17, name: 'all lanes reset, idle' });
    await using stage = await setStage(ledger, { relay: { messages: true } });
    const { relay, faktory } = stage;
    await using client = new Client({ url: faktory.url, logger: false });
    await using worker = localWorker(ledger, relay.url);
    await worker.work();
    for (let cut = 0; cut < 3; cut += 1) {
      await pushJobs(ledger, client, 100);
      await stage.untilAllRan();
      await until(() => worker.stats().unreported === 0 && worker.stats().outstanding > 0);
      const tokens = new Tokens(relay);
      relay.cut({ reset: cut !== 1 });
      ledger.cleared();
      await tokens.stored();
    }
    await pushJobs(ledger, client, 100);
    await stage.untilAllRan();
    await until(() => worker.stats().unreported === 0);
    const { stranded } = worker.stats();
    const { working } = (await stage.held()).sets;
    ledger.note('left behind', stranded);
    ledger.note('tokens they took', working);
    expect(ledger.settle()).toMatchObject({ lost: 0, twice: 0, executed: 400 });
    expect(working).toBeLessThanOrEqual(stranded);
  });
});

/** The wake tokens of a worker that is behind a relay, with nobody else. */
class Tokens {
  readonly #pushes: Watch;
  readonly #answers: Watch;

  constructor(relay: Relay) {
    this.#pushes = new Watch(relay, 'up', /^PUSHB .*millrace-wake/);
    this.#answers = new Watch(relay, 'down', /^\$2\r\n\{\}/);
  }

  /** Resolves when some were pushed, and Faktory has all that were. */
  async stored(): Promise<void> {
    await until(() => this.#pushes.count > 0 && this.#answers.count >= this.#pushes.count);
    this.#pushes.stop();
    this.#answers.stop();
  }
}
