import { expect, it } from 'vitest';
import { newJid } from '../../src/protocol/job.ts';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { until } from '../helpers/until.ts';
import { Ledger } from './ledger.ts';
import { Faults, localWorker, outcomeOf, Watch } from './local.ts';
import { LEASE_ENDS_MS } from './one-at-a-time.ts';
import { connectRaw } from './raw-faktory.ts';
import { type Held, type Stage, setStage } from './stage.ts';

const JOBS = 60;

describeOnRealFaktory('a reply that never comes', () => {
  it('row 18: of an ACK, then RST: sent again, OK, and the job does not run twice', async () => {
    using ledger = new Ledger({ row: 18, name: 'ACK reply swallowed, RST' });
    await using stage = await setStage(ledger, { relay: { messages: true } });
    const { relay } = stage;
    await using worker = localWorker(ledger, relay.url, { concurrency: JOBS });
    const open = holdJobs(ledger, worker);
    await worker.work();
    await stage.push(JOBS, { jobtype: 'hold' });
    await until(() => worker.stats().running === JOBS);
    const faults = new Faults(worker);
    const acks = new Watch(relay, 'up', /^ACK/);
    const nth = ledger.int(1, JOBS);
    await swallow(stage, {
      match: /^ACK/,
      nth,
      start: open,
      carriedOut: ({ sets }) => sets.working <= JOBS - nth,
    });
    ledger.cleared();
    await until(() => worker.stats().unreported === 0, { timeoutMs: 30_000 });
    await stage.untilAllRan();
    // Working may hold tokens that the cut lanes were given, for a minute.
    await stage.untilDrained({ timeoutMs: LEASE_ENDS_MS });
    ledger.note('ACKs sent', acks.count);
    ledger.note('faults', faults.shown);
    expect(ledger.settle()).toMatchObject({ lost: 0, twice: 0, executed: JOBS });
    expect(acks.count).toBeGreaterThan(JOBS);
    expect(worker.stats()).toMatchObject({ done: JOBS, failed: 0, late: 0 });
  });

  it('row 19: of a FAIL: sent again, `Job not found` ends it, and the job has one retry', async () => {
    using ledger = new Ledger({ row: 19, name: 'FAIL reply swallowed, RST' });
    await using stage = await setStage(ledger, { relay: { messages: true } });
    const { relay } = stage;
    let known = 0;
    const note = (_fields: object, text: string): void => {
      if (text === 'Faktory knew already that the job failed') known += 1;
    };
    const logger = { debug: note, info: note, warn: note, error: note };
    await using worker = localWorker(ledger, relay.url, { concurrency: JOBS, logger });
    const open = holdJobs(ledger, worker, () => {
      throw new Error('it fails once');
    });
    // It tells its uptime in whole seconds: a fresh one could be taken for one that was restarted meanwhile.
    await until(async () => (await infoOf(stage)).server.uptime >= 2, { everyMs: 100 });
    await worker.work();
    await stage.push(JOBS, { jobtype: 'hold' });
    await until(() => worker.stats().running === JOBS);
    const faults = new Faults(worker);
    const notFound = new Watch(relay, 'down', /^-ERR Job not found/);
    const copies = new Watch(relay, 'up', /^PUSHB .*"jobtype":"hold"/);
    const nth = ledger.int(1, JOBS);
    await swallow(stage, { match: /^FAIL/, nth, start: open, carriedOut: ({ sets }) => sets.retries >= nth });
    ledger.cleared();
    await until(() => worker.stats().unreported === 0, { timeoutMs: 30_000 });
    await until(() => known + worker.stats().mended >= notFound.count, { timeoutMs: 60_000 });
    // One retry each, from a FAIL that Faktory has carried out once.
    const { sets, queued } = await stage.held();
    const failed = await failures(stage);
    ledger.note('Job not found', notFound.count);
    ledger.note('in Retries', sets.retries);
    ledger.note('faults', faults.shown);
    for (const jid of ledger.missing()) ledger.dead(jid);
    expect(ledger.settle()).toMatchObject({ twice: 0, accepted: JOBS });
    expect({ ...sets, queued, failed }).toMatchObject({
      // Working may hold tokens that the cut lanes were given.
      retries: JOBS,
      dead: 0,
      queued: 0,
      failed: JOBS,
    });
    expect(notFound.count).toBeGreaterThan(0);
    expect(copies.count).toBe(0);
    expect(worker.stats()).toMatchObject({ failed: JOBS });
  });

  it('row 20: of a PUSHB: the same jids again, at most that batch twice', async () => {
    using ledger = new Ledger({ row: 20, name: 'PUSHB reply swallowed, at least once' });
    await using stage = await setStage(ledger, { relay: { messages: true } });
    const batches = new Watch(stage.relay, 'up', /^PUSHB/);
    await stage.client.connect();
    const pushed = stage.push(100);
    await swallow(stage, { match: /^PUSHB/, nth: 1, carriedOut: ({ queued }) => queued === 100 });
    ledger.cleared();
    await pushed;
    await using worker = localWorker(ledger, stage.faktory.url);
    await worker.work();
    await stage.untilAllRan();
    await stage.untilDrained();
    ledger.note('PUSHBs', batches.count);
    const { lost, twice, extraRuns, accepted } = ledger.settle();
    expect({ lost, accepted }).toEqual({ lost: 0, accepted: 100 });
    expect(twice).toBeLessThanOrEqual(jobsOf(batches.seen[0]!));
    expect(extraRuns).toBe(twice);
    expect(batches.seen.slice(0, 2).map(jobsOf)).toEqual([100, 100]);
  });

  it('row 20: of a PUSHB whose caller wants it at most once: DELIVERY_UNKNOWN, and nothing runs twice', async () => {
    using ledger = new Ledger({ row: 20, name: 'PUSHB reply swallowed, at most once' });
    await using stage = await setStage(ledger, { relay: { messages: true } });
    const { client } = stage;
    await client.connect();
    const jids = Array.from({ length: 100 }, () => newJid());
    const push = (jid: string) => client.push({ jid, jobtype: 'run', args: [] }, { atMostOnce: true });
    const pushes = jids.map((jid) => ({ jid, push: push(jid) }));
    const followed = Promise.all(pushes.map(({ jid, push }) => ledger.follow(jid, push)));
    const outcomes = Promise.all(pushes.map(({ push }) => outcomeOf(push)));
    await swallow(stage, { match: /^PUSHB/, nth: 1, carriedOut: ({ queued }) => queued === 100 });
    await followed;
    await using worker = localWorker(ledger, stage.faktory.url);
    await worker.work();
    await stage.untilDrained();
    const { twice, unknown } = ledger.settle();
    expect({ twice, unknown }).toEqual({ twice: 0, unknown: 100 });
    for (const outcome of await outcomes) {
      expect(outcome).toMatch(/^DELIVERY_UNKNOWN: job [\w-]{16} may be stored or not: /);
    }
    // They were stored, as it happens: nobody could know.
    expect(new Set(ledger.runs().map(({ id }) => id))).toEqual(new Set(jids));
  });
});

/** A handler `hold` that waits for the function that is returned, then ends as told. */
function holdJobs(
  ledger: Ledger,
  worker: ReturnType<typeof localWorker>,
  end: () => void = () => {},
): () => void {
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  worker.handle('hold', async (ctx) => {
    ledger.started(ctx.id);
    await gate;
    end();
    ledger.ended(ctx.id);
  });
  return open;
}

interface Swallowing {
  match: RegExp;
  nth: number;
  /** Makes the commands come. */
  start?: () => void;
  /** What shows that Faktory has carried out the command. */
  carriedOut: (held: Held) => boolean;
}

/**
 * The nth command of the kind reaches Faktory, and neither its reply nor any later one of its connection comes back;
 * then every connection is reset.
 */
async function swallow(stage: Stage, { match, nth, start, carriedOut }: Swallowing): Promise<void> {
  const rule = stage.relay.rule({ side: 'up', match, nth, act: 'blackhole' });
  start?.();
  await rule.fired;
  await until(async () => carriedOut(await stage.held()), { everyMs: 10 });
  stage.relay.cut({ reset: true });
}

async function failures(stage: Stage): Promise<number> {
  return (await infoOf(stage)).faktory.total_failures;
}

/** By hand: millrace keeps an answer for a while. */
async function infoOf(stage: Stage): Promise<Info> {
  await using raw = await connectRaw(stage.faktory);
  const reply = await raw.ask('INFO');
  return JSON.parse(reply.slice(reply.indexOf('\r\n'))) as Info;
}

interface Info {
  readonly faktory: { readonly total_failures: number };
  readonly server: { readonly uptime: number };
}

function jobsOf(pushb: string): number {
  return (JSON.parse(pushb.slice('PUSHB '.length)) as unknown[]).length;
}
