import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { bulk, friendly, Peer, type PeerLink } from '../connection/peer.ts';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { until } from '../helpers/until.ts';
import { millrace } from '../system/millrace.ts';
import { Ledger } from './ledger.ts';
import { localWorker } from './local.ts';
import { connectRaw } from './raw-faktory.ts';
import { type Stage, setStage } from './stage.ts';

const HANDLERS = fileURLToPath(new URL('./handlers.mjs', import.meta.url));
const STOP_HANDLERS = fileURLToPath(new URL('./stop-handlers.mjs', import.meta.url));
const MB = 2 ** 20;
/** What a worker holds of one reply at most, by default. */
const LIMIT_MB = 64;

describeOnRealFaktory('jobs that nobody should push', () => {
  it.concurrent('row 35: of 100 MB: FAILed without being held, memory bounded, the worker lives', async () => {
    using ledger = new Ledger({ row: 35, name: 'a job of 100 MB' });
    await using stage = await setStage(ledger);
    await using raw = await connectRaw(stage.faktory);
    const worker = await stage.startWorker({ concurrency: 10 });
    await stage.push(20);
    await stage.untilAllRan();
    const before = await peakMb(worker.process.pid);
    const refusals = (): number => worker.process.output.split('context deadline exceeded').length - 1;
    let jid = '';
    // Faktory itself gives up after 5 s, and has lost the job then: on a machine that is busy it may need another try.
    for (let attempt = 1; attempt <= 3 && (await failedAt(stage)) === 0; attempt += 1) {
      jid = `a-job-of-100-MB-${attempt}`;
      raw.send(
        `PUSHB [{"jid":"${jid}","jobtype":"run","args":["${'x'.repeat(100 * MB)}"],"retry":3,"reserve_for":60}]`,
      );
      expect(await raw.reply({ timeoutMs: 60_000 })).toMatch(/\{\}\r\n$/);
      await until(async () => (await failedAt(stage)) === 1 || refusals() >= attempt, {
        timeoutMs: 60_000,
        everyMs: 100,
        what: () => `it FAILed. The worker's output: ${worker.process.output.slice(-2_000)}`,
      });
    }
    ledger.accepted(jid);
    await until(async () => (await worker.metric('unreported')) === 0, { everyMs: 100 });
    const grown = (await peakMb(worker.process.pid)) - before;
    await stage.push(20);
    await until(() => ledger.runs().length === 80);
    // While the MUTATE moves it, it is in neither set.
    const kept = async (): Promise<boolean> => {
      const { sets } = await stage.held();
      return sets.retries + sets.dead === 1;
    };
    await until(kept, { everyMs: 100 });
    ledger.dead(jid);
    ledger.note('rss grown by MB', Math.round(grown));
    expect(ledger.settle()).toMatchObject({ lost: 0, twice: 0, executed: 40 });
    expect(worker.process.exited).toBeUndefined();
    expect(grown).toBeLessThan(2 * LIMIT_MB);
  });

  it.concurrent('row 35: nested deeper than Faktory takes is refused there; as deep as it does, it runs', async () => {
    using ledger = new Ledger({ row: 35, name: 'deep JSON, real' });
    await using stage = await setStage(ledger);
    await using raw = await connectRaw(stage.faktory);
    const worker = await stage.startWorker({ concurrency: 10 });
    const push = (jid: string, depth: number) =>
      raw.ask(
        `PUSHB [{"jid":"${jid}","jobtype":"run","args":[{"ms":0},${'['.repeat(depth)}${']'.repeat(depth)}],"retry":3,"reserve_for":60}]`,
      );
    expect(await push('deep-9000', 9_000)).toMatch(/\{\}\r\n$/);
    ledger.accepted('deep-9000');
    const refused = await push('deep-100000', 100_000);
    expect(refused).toMatch(/^-ERR invalid JSON: /);
    await stage.untilAllRan();
    ledger.note('100,000 deep', refused.trim().slice(0, 60));
    await stage.untilDrained();
    expect(ledger.settle()).toMatchObject({ lost: 0, twice: 0, executed: 1 });
    expect(worker.process.exited).toBeUndefined();
  });

  // JSON.stringify is recursive and ends at about 5,000, Faktory's reader at 10,000.
  it.concurrent('row 35: one too deep to be written again: stopping beside it hands back the others, exit 0', async () => {
    using ledger = new Ledger({ row: 35, name: 'deep JSON at shutdown' });
    await using stage = await setStage(ledger);
    await using raw = await connectRaw(stage.faktory);
    const worker = await stage.startWorker({
      handlers: STOP_HANDLERS,
      concurrency: 10,
      env: { WORKER_SHUTDOWN_TIMEOUT_MS: '0' },
    });
    const deep = `[${'['.repeat(9_000)}${']'.repeat(9_000)}]`;
    const push = (jid: string, args: string) =>
      raw.ask(`PUSHB [{"jid":"${jid}","jobtype":"stuck","args":${args},"retry":3,"reserve_for":60}]`);
    await push('deep-held', deep);
    await Promise.all(['a', 'b', 'c'].map((name) => push(`plain-held-${name}`, '[]')));
    await until(() => ledger.runs().length === 4);
    worker.process.kill('SIGTERM');
    const exit = await worker.process.waitForExit({ timeoutMs: 30_000 });
    const { queued, sets } = await stage.held();
    ledger.note('handed back', queued);
    ledger.note('left reserved', sets.working);
    ledger.settle();
    expect(exit, worker.process.output.slice(-2_000)).toEqual({ code: 0, signal: null });
    expect(worker.process.output).not.toMatch(/nobody (awaits|catches) it/);
    // The deep one is FAILed, or left to its reservation.
    expect(queued).toBe(3);
    expect(sets.working + sets.retries + sets.dead).toBe(1);
  });
});

/** What a Faktory would never hand out, and one that has gone wrong might: each with the jid that a FAIL must name. */
const ODD: [jid: string | undefined, text: string][] = [
  [undefined, 'null'],
  [undefined, '5'],
  [undefined, '"a string"'],
  [undefined, '[]'],
  [undefined, '[[]]'],
  [undefined, '{}'],
  [undefined, ''],
  [undefined, '{"jid":5,"jobtype":"run","queue":"default","args":[]}'],
  [undefined, '{"jid":null,"jobtype":"run","queue":"default","args":[]}'],
  ['odd-no-type', '{"jid":"odd-no-type","queue":"default","args":[]}'],
  ['odd-type-5', '{"jid":"odd-type-5","jobtype":5,"queue":"default","args":[]}'],
  ['odd-queue-5', '{"jid":"odd-queue-5","jobtype":"millrace-wake","queue":5,"args":[]}'],
  ['odd-no-queue', '{"jid":"odd-no-queue","jobtype":"millrace-wake","args":[]}'],
  ['odd-args-1', '{"jid":"odd-args-1","jobtype":"run","queue":"default","args":{"length":3}}'],
  ['odd-args-2', '{"jid":"odd-args-2","jobtype":"run","queue":"default","args":"abc"}'],
  ['odd-args-3', '{"jid":"odd-args-3","jobtype":"run","queue":"default","args":5}'],
  ['odd-args-4', '{"jid":"odd-args-4","jobtype":"run","queue":"default","args":null}'],
  ['odd-args-5', '{"jid":"odd-args-5","jobtype":"run","queue":"default"}'],
  ['odd-many-1', `{"jid":"odd-many-1","jobtype":"run","queue":"default","args":[${'0,'.repeat(999_999)}0]}`],
  ['odd-cut-1', '{"jid":"odd-cut-1","jobtype":"run","queue":"default","args":[1,2'],
];
/** And what is odd beside its args: these run. */
const FINE: [jid: string, text: string][] = [
  [
    'fine-deep',
    `{"jid":"fine-deep","jobtype":"run","queue":"default","args":[{"ms":0},${'['.repeat(100_000)}${']'.repeat(100_000)}]}`,
  ],
  [
    'fine-rest',
    '{"jid":"fine-rest","jobtype":"run","queue":"default","args":[],"retry":"x","custom":5,"at":{}}',
  ],
  ['fine-fail', '{"jid":"fine-fail","jobtype":"run","queue":"default","args":[],"failure":5}'],
];

describe('replies to FETCH that are no jobs', () => {
  it('row 35: each with a jid is FAILed once, none ends the worker', async () => {
    using ledger = new Ledger({ row: 35, name: 'replies that are no jobs' });
    await using peer = await peerWith([...ODD, ...FINE].map(([, text]) => text));
    await using worker = millrace(['worker', HANDLERS], {
      env: { FAKTORY_URL: peer.url, WORKER_CONCURRENCY: '10', LEDGER: ledger.file, LOG_PRETTY: 'false' },
    });
    for (const [jid] of FINE) ledger.accepted(jid);
    await until(
      () => {
        const over = worker.exited !== undefined;
        return (
          over ||
          (ledger.missing().length === 0 &&
            reports(peer, 'FAIL').length >= ODD.filter(([jid]) => jid).length &&
            reports(peer, 'ACK').length >= FINE.length)
        );
      },
      {
        timeoutMs: 30_000,
        everyMs: 50,
        what: () => `all reported. Missing: ${ledger.missing()}; its output: ${worker.output.slice(-2_000)}`,
      },
    );
    ledger.note('FAILs', reports(peer, 'FAIL').length);
    ledger.note('ACKs', reports(peer, 'ACK').length);
    expect(ledger.settle()).toMatchObject({ lost: 0, twice: 0 });
    expect(worker.exited, worker.output).toBeUndefined();
    expect(reports(peer, 'FAIL').toSorted()).toEqual(ODD.flatMap(([jid]) => jid ?? []).toSorted());
    expect(reports(peer, 'ACK').toSorted()).toEqual(FINE.map(([jid]) => jid).toSorted());
    expect((await worker.stop('SIGTERM')).code).toBe(0);
  });
});

describe('a job that cannot be read, whose FAIL Faktory loses', () => {
  it('row 35: is told as lost: no copy without its args stands for it', async () => {
    using ledger = new Ledger({ row: 35, name: 'unreadable job, FAIL lost' });
    let left = 1;
    let fails = 0;
    await using peer = await Peer.start((command, link) => {
      if (command.startsWith('FAIL')) {
        fails += 1;
        return fails === 1 ? '-ERR context deadline exceeded\r\n' : '-ERR Job not found odd-cut-1\r\n';
      }
      if (!command.startsWith('FETCH')) return friendly(command, link);
      left -= 1;
      if (left === 0) return bulk('{"jid":"odd-cut-1","jobtype":"run","queue":"default","args":[1,2');
      setTimeout(() => link.say('$-1\r\n'), 500);
      return undefined;
    });
    const told: string[] = [];
    const note = (_fields: object, text: string): void => {
      told.push(text);
    };
    await using worker = localWorker(ledger, peer.url, {
      logger: { debug: note, info: note, warn: note, error: note },
    });
    await worker.work();
    await until(() => told.some((text) => text.startsWith('Faktory has lost the job that failed')));
    const copies = peer.commands.filter((line) => line.startsWith('PUSHB') && line.includes('odd-cut-1'));
    ledger.note('copies', copies.length);
    ledger.settle();
    expect(copies).toEqual([]);
  });
});

/** Hands these texts out as jobs, and nothing more after them. */
async function peerWith(texts: string[]): Promise<Peer> {
  const left = [...texts];
  return Peer.start((command: string, link: PeerLink) => {
    if (!command.startsWith('FETCH')) return friendly(command, link);
    const text = left.shift();
    if (text !== undefined) return bulk(text);
    setTimeout(() => link.say('$-1\r\n'), 500);
    return undefined;
  });
}

/** Jids that were reported so, tokens left out. */
function reports(peer: Peer, verb: 'ACK' | 'FAIL'): string[] {
  const lines = peer.commands.filter((line) => line.startsWith(`${verb} `));
  return lines.map((line) => (JSON.parse(line.slice(verb.length + 1)) as { jid: string }).jid);
}

async function failedAt(stage: Stage): Promise<number> {
  const { sets } = await stage.held();
  return sets.retries + sets.dead;
}

/** The most memory that a process has held so far. */
async function peakMb(pid: number): Promise<number> {
  const [, kb] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return Number(kb) / 1024;
}
