import { expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { until } from '../helpers/until.ts';
import { Ledger } from './ledger.ts';
import { localWorker, pushJobs, Watch } from './local.ts';
import { connectRaw } from './raw-faktory.ts';
import { setStage } from './stage.ts';

describeOnRealFaktory('quiet and terminate', () => {
  it.concurrent('row 27: by BEAT, hundreds of FETCHes outstanding: no lane fetches any more, beats go on', async () => {
    using ledger = new Ledger({ row: 27, name: 'quiet and terminate by BEAT' });
    await using stage = await setStage(ledger, { relay: { messages: true, delayMs: 25 } });
    const { relay, faktory } = stage;
    await using client = new Client({ url: faktory.url, logger: false });
    await using other = await connectRaw(faktory);
    await pushJobs(ledger, client, 6_000);
    const wid = 'worker-of-row-27';
    await using worker = localWorker(ledger, relay.url, { wid, concurrency: 300, beatInterval: 0.25 });
    await worker.work();
    await until(() => worker.stats().done === 6_000, { timeoutMs: 30_000 });
    const { outstanding, fetchLanes } = worker.stats();
    const tell = (state: string) => other.ask(`BEAT ${JSON.stringify({ wid, current_state: state })}`);
    await tell('quiet');
    const told = performance.now();
    await until(() => worker.state === 'quiet');
    const fetches = new Watch(relay, 'up', /^FETCH/);
    const beats = new Watch(relay, 'up', /^BEAT/);
    await until(() => worker.stats().outstanding === 0, { timeoutMs: 30_000 });
    const drainedMs = performance.now() - told;
    await pushJobs(ledger, client, 50);
    await until(() => beats.count >= 8);
    const { queued } = await stage.held();
    const after = { fetches: fetches.count, state: worker.state };
    await tell('terminate');
    await until(() => worker.state === 'stopped', { timeoutMs: 30_000 });
    const sets = (await stage.held()).sets;
    // What it has left is run by another.
    await using next = localWorker(ledger, faktory.url);
    await next.work();
    await stage.untilAllRan();
    ledger.note('FETCHes out', outstanding);
    ledger.note('fetch lanes', fetchLanes);
    ledger.note('back after ms', Math.round(drainedMs));
    expect(ledger.settle()).toMatchObject({ lost: 0, twice: 0, executed: 6_050 });
    expect({ ...after, queued }).toEqual({ fetches: 0, state: 'quiet', queued: 50 });
    expect(sets).toMatchObject({ working: 0, retries: 0 });
    expect(outstanding).toBeGreaterThan(16);
  });

  it.concurrent('row 27: by the buttons of the web page: quiet, then exit with 0', async () => {
    using ledger = new Ledger({ row: 27, name: 'quiet and terminate by web page' });
    await using stage = await setStage(ledger);
    const { faktory } = stage;
    const worker = await stage.startWorker({ concurrency: 200 });
    const press = async (signal: string): Promise<number> => {
      const answer = await fetch(`http://127.0.0.1:${faktory.webPort}/busy`, {
        method: 'POST',
        body: new URLSearchParams({ wid: 'all', signal }),
        redirect: 'manual',
      });
      return answer.status;
    };
    // Beats are one a second while there is work.
    const load = stage.keepPushing({ inFlight: 5, everyMs: 50 });
    await stage.untilEnded(200);
    expect(await press('quiet')).toBe(302);
    await worker.process.waitForLine(/quiet: fetching no more jobs/, { timeoutMs: 30_000 });
    await until(async () => (await worker.metric('outstanding')) === 0, { timeoutMs: 30_000, everyMs: 50 });
    const done = ledger.runs().length;
    await load.stop();
    await stage.push(20);
    const ready = await worker.ready();
    const { queued } = await stage.held();
    expect(await press('terminate')).toBe(302);
    const pressed = performance.now();
    // A worker without work beats each 15 s.
    const exit = await worker.process.waitForExit({ timeoutMs: 45_000 });
    ledger.note('exit after ms', Math.round(performance.now() - pressed));
    await using next = localWorker(ledger, faktory.url);
    await next.work();
    await stage.untilAllRan();
    const [late] = ledger.runs().slice(done);
    await stage.untilDrained();
    expect(ledger.settle()).toMatchObject({ lost: 0, twice: 0, open: 0 });
    expect(exit).toEqual({ code: 0, signal: null });
    expect(ready).toBe(false);
    expect(queued).toBeGreaterThan(0);
    expect(late?.pid).toBe(process.pid);
  });
});
