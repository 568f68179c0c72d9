/** The quirks of the embedded Faktory are the real one's: the same cases on both. (`lostFail` needs a Redis that stalls.) */
import { describe, expect, it } from 'vitest';
import { startEmbeddedFaktory } from '../../src/embedded/index.ts';
import { info, job, newQueue, store } from '../conformance/jobs.ts';
import { type Address, Talk } from '../conformance/raw-client.ts';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { startRealFaktory } from '../helpers/real-faktory.ts';
import { until } from '../helpers/until.ts';

function cases(start: () => Promise<Address & AsyncDisposable>): void {
  it('strandsClosed: FETCHes of a closed connection go on taking jobs', async () => {
    await using faktory = await start();
    await using talk = await Talk.open(faktory);
    const queue = newQueue();
    const gone = await Talk.open(faktory, 'gone');
    gone.write(`FETCH ${queue}\r\n`.repeat(3));
    void gone.close();
    await store(talk, ...[1, 2, 3, 4].map(() => job({ queue })));
    await until(async () => (await info(talk)).faktory.sets.working === 3, { everyMs: 100 });
    expect((await info(talk)).faktory.queues[queue]).toBe(1);
  });

  it('quietFirstConnectionOnly: the others of a quiet worker get jobs', async () => {
    await using faktory = await start();
    await using talk = await Talk.open(faktory);
    const queue = newQueue();
    await using first = await Talk.open(faktory, 'quiet');
    await using second = await Talk.open(faktory, 'quiet');
    await first.ask('BEAT {"wid":"quiet","current_state":"quiet"}');
    await store(talk, job({ queue }));
    expect(await first.ask(`FETCH ${queue}`)).toBe(null);
    expect(await second.ask(`FETCH ${queue}`)).toContain(queue);
  });
}

describe('quirks (embedded Faktory)', () => {
  cases(async () => {
    const faktory = await startEmbeddedFaktory({
      quirks: { strandsClosed: true, quietFirstConnectionOnly: true },
    });
    return { host: '127.0.0.1', port: faktory.port, [Symbol.asyncDispose]: () => faktory.stop() };
  });
});

describeOnRealFaktory('quirks', (version) => cases(() => startRealFaktory({ version })));
