import { describe, expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { startFaktory } from '../../src/testing/index.ts';
import type { WorkerOptions } from '../../src/worker/options.ts';
import { Worker } from '../../src/worker/worker.ts';
import { Talk } from '../conformance/raw-client.ts';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { startRelay } from '../helpers/relay.ts';
import { until } from '../helpers/until.ts';
import { Ledger } from './ledger.ts';
import { Faults, localWorker, outcomeOf, pushJobs, Watch } from './local.ts';
import { setStage } from './stage.ts';

const SMUGGLED = 'x\r\nFLUSH\r\n';

describe('line ends in what users give', () => {
  it('row 24: in jid, queue, jobtype or a command: refused here, and nothing is on the wire', async () => {
    using ledger = new Ledger({ row: 24, name: 'line ends given to the client' });
    await using faktory = await startFaktory();
    await using relay = await startRelay(faktory.url);
    await using client = new Client({ url: relay.url, logger: false });
    const given = [
      client.push({ jobtype: 'run', jid: `jid-1234${SMUGGLED}` }),
      client.push({ jobtype: 'run', jid: `jid-1234\n` }),
      client.push({ jobtype: 'run', queue: `default${SMUGGLED}` }),
      client.push({ jobtype: `run${SMUGGLED}` }),
      client.push({ jobtype: 'run', at: `2030-01-31T09:00:00Z${SMUGGLED}` }),
      client.enqueue({ jobtype: 'run', queue: 'a b' }),
      client.send(['QUEUE', 'PAUSE', SMUGGLED]),
      client.send(['QUEUE', `PAUSE${SMUGGLED}`]),
    ].map(async (each) => outcomeOf(each));
    const outcomes = (await Promise.all(given)).map((outcome) => String(outcome).replace(/:.*/s, ''));
    ledger.note('refused here', outcomes.length);
    ledger.note('sockets', relay.accepted);
    ledger.settle();
    expect(outcomes).toEqual([...Array(6).fill('JOB_INVALID'), 'undefined', 'undefined']);
    expect({ sockets: relay.accepted, bytes: relay.bytes.up }).toEqual({ sockets: 0, bytes: 0 });
  });

  it.each<[string, WorkerOptions]>([
    ['wid', { wid: `worker${SMUGGLED}` }],
    ['queues', { queues: [`default${SMUGGLED}`] }],
    ['labels', { labels: ['plain', SMUGGLED] }],
    ['weights', { queues: { [`default${SMUGGLED}`]: 1 } }],
  ])('row 24: in the %s of a worker: refused here', (_what, options) => {
    expect(() => new Worker({ logger: false, ...options })).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^(CONFIG|JOB)_INVALID$/) }),
    );
  });
});

describeOnRealFaktory('line ends in what others have pushed', () => {
  it('row 24: a jid that makes Faktory answer twice shifts no other reply, and injects no FLUSH', async () => {
    using ledger = new Ledger({ row: 24, name: 'replies injected by a jid' });
    await using stage = await setStage(ledger, { relay: { messages: true } });
    const { relay, faktory } = stage;
    await using client = new Client({ url: faktory.url, logger: false });
    await using talk = await Talk.open(faktory);
    await using worker = localWorker(ledger, relay.url, { concurrency: 20 });
    const faults = new Faults(worker);
    const [shifted, flushes] = [
      new Watch(relay, 'down', /^-ERR Job not found evil/),
      new Watch(relay, 'up', /^FLUSH/),
    ];
    worker.register('fails', () => {
      throw new Error('it fails');
    });
    // A FAIL of a job that Faktory does not know is answered with the jid as it is, line ends and all.
    const jids = Array.from({ length: 5 }, (_, k) => `evil-${k}\r\n+OK\r\nFLUSH`);
    const evil = jids.map((jid) => ({ jid, jobtype: 'fails', args: [], retry: 3, reserve_for: 60 }));
    const rule = relay.rule({ side: 'up', match: /^FAIL/, act: 'blackhole' });
    await talk.ask(`PUSHB ${JSON.stringify(evil)}`);
    await worker.work();
    await rule.fired;
    relay.cut({ reset: true });
    const pushed = pushJobs(ledger, client, 2_000);
    await until(() => shifted.count > 0, { timeoutMs: 30_000 });
    await pushed;
    ledger.cleared();
    await stage.untilAllRan();
    await until(() => worker.stats().unreported === 0 && worker.stats().outstanding > 0);
    ledger.note('answered twice', shifted.count);
    ledger.note('faults', faults.shown);
    ledger.note('violations', faults.count('PROTOCOL_VIOLATION'));
    const { sets } = await stage.held();
    expect(ledger.settle()).toMatchObject({ lost: 0, twice: 0, open: 0 });
    expect(flushes.count).toBe(0);
    // An OK that one jid has injected may stand for the FAIL of the next, whose lane died before Faktory read it: that
    // job comes back when its reservation ends. The first is always told.
    expect(sets.retries).toBeGreaterThan(0);
    expect(sets.retries).toBeLessThanOrEqual(evil.length);
    expect(sets.dead).toBe(0);
  });
});

describe('a reply that nobody asked for', () => {
  it('row 24: ends its lane and no other; what was unanswered there is sent again', async () => {
    using ledger = new Ledger({ row: 24, name: 'unsolicited replies' });
    let doubled = 0;
    const every = 150;
    let acks = 0;
    await using faktory = await startFaktory({
      intercept: (line) => {
        if (!line.startsWith('ACK') || ++acks % every !== 0) return undefined;
        doubled += 1;
        // Not carried out, and answered with two errors: the ACK must come again.
        return '-ERR made up\r\n-ERR made up\r\n';
      },
    });
    await using relay = await startRelay(faktory.url);
    await using client = new Client({ url: faktory.url, logger: false });
    await using worker = localWorker(ledger, relay.url);
    const faults = new Faults(worker);
    await worker.work();
    await pushJobs(ledger, client, 1_000);
    await faktory.drain({ timeoutMs: 30_000 });
    await until(() => worker.stats().unreported === 0, { timeoutMs: 30_000 });
    ledger.note('doubled', doubled);
    ledger.note('sockets', relay.accepted);
    ledger.note('faults', faults.shown);
    expect(ledger.settle()).toMatchObject({ lost: 0, twice: 0, executed: 1_000 });
    expect(doubled).toBeGreaterThan(3);
    expect(faults.count('PROTOCOL_VIOLATION')).toBeGreaterThan(0);
    expect(faults.count('PROTOCOL_VIOLATION')).toBeLessThanOrEqual(doubled);
    expect(faults.count('CONNECTION_LOST', 'CONNECTION_STALLED')).toBe(0);
    expect(worker.stats()).toMatchObject({ stranded: 0, failed: 0 });
    expect(faktory.jobs()).toEqual([]);
  });
});
