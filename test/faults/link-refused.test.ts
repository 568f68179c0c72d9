import { expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { startFaktory } from '../../src/testing/index.ts';
import { Peer } from '../connection/peer.ts';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { freePort } from '../helpers/free-port.ts';
import type { RunningProcess } from '../helpers/process.ts';
import { RawClient } from '../helpers/raw-client.ts';
import { startRealFaktory } from '../helpers/real-faktory.ts';
import { startRelay } from '../helpers/relay.ts';
import { until } from '../helpers/until.ts';
import { EXAMPLE_HANDLERS, millrace } from '../system/millrace.ts';
import { Ledger } from './ledger.ts';
import { Faults, linesWith, localWorker, pushJobs, Watch } from './local.ts';
import { setStage } from './stage.ts';

const WINDOW_MS = 15_000;
const LIMIT_WINDOW_MS = 10_000;
const A_MINUTE = 12;
const WRONG = 'wr0ng-s3cret';

/** Attempts that fit the time at the rate allowed, and the first one, which waits for nothing. */
const allowed = (ms: number): number => 1 + Math.ceil((A_MINUTE * ms) / 60_000);

describeOnRealFaktory('Faktory does not let us in', () => {
  it.concurrent('row 10: three lanes are let in and go on, each reply at its own command', async () => {
    using ledger = new Ledger({ row: 10, name: 'limit of 3 connections, embedded' });
    await using faktory = await startFaktory({ maxConnections: 3 });
    {
      await using client = new Client({ url: faktory.url, logger: false });
      await pushJobs(ledger, client, 500);
    }
    await using relay = await startRelay(faktory.url, { messages: true });
    const hellos = new Watch(relay, 'up', /^HELLO/);
    await using worker = localWorker(ledger, relay.url);
    const faults = new Faults(worker);
    await worker.work();
    await until(() => faults.count('CONNECTION_LIMIT') > 0);
    const start = performance.now();
    await until(() => ledger.missing().length === 0 && worker.stats().unreported === 0);
    // All that a burst wanted may have knocked in one round, before the first was refused.
    await until(() => performance.now() - start > 1_000);
    const atFirst = faults.count('CONNECTION_LIMIT');
    await until(() => performance.now() - start > LIMIT_WINDOW_MS, { timeoutMs: 60_000, everyMs: 100 });
    const refused = faults.count('CONNECTION_LIMIT');
    ledger.note('HELLOs', hellos.count);
    ledger.note('refused in the first second', atFirst);
    ledger.note('in ms', Math.round(performance.now() - start));
    ledger.note('faults', faults.shown);
    const { lost, twice } = ledger.settle();
    expect({ lost, twice }).toEqual({ lost: 0, twice: 0 });
    // Those that are up stay up: every HELLO beyond theirs was one that was refused.
    expect(faults.all.map(({ code }) => code)).toEqual(Array(refused).fill('CONNECTION_LIMIT'));
    expect(hellos.count).toBe(3 + refused);
    // One attempt at a time for each purpose, three seconds apart at least, and more each time.
    const purposes = 2;
    const rounds = Math.ceil((performance.now() - start) / 3_000);
    expect(refused - atFirst).toBeLessThanOrEqual(purposes * rounds);
    expect(worker.stats()).toMatchObject({ state: 'running', done: 500, failed: 0, unreported: 0 });
    expect(faults.all[0]!.message).toMatch(/has too many connections: lower FAKTORY_MAX_CONNECTIONS/);
  });

  it.concurrent('row 10: in a crowd of 2,000 sockets a worker waits for its lanes, and goes on when there is room', async () => {
    using ledger = new Ledger({ row: 10, name: 'limit of 2,000 connections' });
    await using stage = await setStage(ledger, { relay: { messages: true } });
    const { relay, faktory } = stage;
    await stage.push(200);
    await stage.client.close();
    // Room for the control lane and one more.
    await using crowd = await Crowd.gather(faktory.port, 1_998);
    const hellos = new Watch(relay, 'up', /^HELLO/);
    await using worker = localWorker(ledger, relay.url);
    const faults = new Faults(worker);
    await worker.work();
    await until(() => faults.count('CONNECTION_LIMIT') > 0);
    const start = performance.now();
    await until(() => performance.now() - start > 5_000, { everyMs: 100 });
    const knocks = hellos.count - 2;
    crowd.disperse();
    ledger.cleared();
    await stage.untilAllRan();
    await stage.untilDrained();
    ledger.note('refused in 5 s', knocks);
    ledger.note('faults', faults.shown);
    const { lost, twice } = ledger.settle();
    expect({ lost, twice }).toEqual({ lost: 0, twice: 0 });
    expect(faults.count('CONNECTION_LIMIT')).toBe(faults.all.length);
    // Two fetch lanes are wanted, and the wait after each round of knocks is three seconds at least.
    expect(knocks).toBeLessThanOrEqual(2 * 3 * Math.ceil((performance.now() - start) / 5_000));
    expect(worker.state).toBe('running');
  });

  it.concurrent.for(['worker', 'api'] as const)(
    'row 22: a wrong password, %s: knocks slowly, is not ready, and says once what is wrong',
    async (command) => {
      using ledger = new Ledger({ row: 22, name: `wrong password, ${command}` });
      await using faktory = await startRealFaktory({ password: 'right' });
      await using relay = await startRelay(faktory.url.replace('right', WRONG));
      const port = await freePort();
      await using child = millrace(command === 'worker' ? ['worker', EXAMPLE_HANDLERS] : ['api'], {
        env: {
          FAKTORY_URL: relay.url,
          ...(command === 'worker' ? { METRICS_PORT: String(port) } : { API_PORT: String(port) }),
          LOG_PRETTY: 'false',
        },
      });
      const { tookMs, ready } = await watch(child, port, () => relay.accepted > 0);
      const told = linesWith(child.lines, /password/i);
      ledger.note('attempts', relay.accepted);
      ledger.note('in ms', Math.round(tookMs));
      ledger.settle();
      expect(relay.accepted).toBeLessThanOrEqual(allowed(tookMs));
      expect(ready).toEqual(new Set([503]));
      expect(told).toHaveLength(1);
      expect(told[0]).toMatch(/Invalid password; check FAKTORY_PASSWORD, or the password in FAKTORY_URL/);
      expect(child.output).not.toContain(WRONG);
      expect((await child.stop('SIGTERM')).code).toBe(0);
    },
  );

  it.concurrent('row 22: HELLO closed without a word: is not ready, and says once what is wrong; then it is let in', async () => {
    using ledger = new Ledger({ row: 22, name: 'HELLO closed silently, worker' });
    let welcome = false;
    await using peer = await Peer.start({
      welcome: (_hello, link) => {
        if (!welcome) link.cut();
        return welcome ? '+OK\r\n' : '';
      },
    });
    const port = await freePort();
    await using child = millrace(['worker', EXAMPLE_HANDLERS], {
      env: { FAKTORY_URL: peer.url, METRICS_PORT: String(port), LOG_PRETTY: 'false' },
    });
    const { tookMs, ready } = await watch(child, port, () => peer.links.length > 0);
    const told = linesWith(child.lines, /closed the connection at HELLO without a word/);
    const attempts = peer.links.length;
    welcome = true;
    ledger.cleared();
    await child.waitForLine(/the worker runs jobs of/, { timeoutMs: 60_000 });
    ledger.note('attempts', attempts);
    ledger.note('in ms', Math.round(tookMs));
    ledger.settle();
    expect(ready).toEqual(new Set([503]));
    expect(told).toHaveLength(1);
    // The first may be a Faktory that is going down: it is tried again soon, once.
    expect(attempts).toBeLessThanOrEqual(1 + allowed(tookMs));
  });
});

/** Asks /ready again and again for a while, from the first attempt to connect on. */
async function watch(
  child: RunningProcess,
  port: number,
  begun: () => boolean,
): Promise<{ tookMs: number; ready: Set<number> }> {
  await until(begun, {
    timeoutMs: 30_000,
    what: () => `an attempt to connect. Its output:\n${child.output}`,
  });
  const start = performance.now();
  const ready = new Set<number>();
  const over = async (): Promise<boolean> => {
    const status = await fetch(`http://127.0.0.1:${port}/ready`).then(
      ({ status }) => status,
      () => undefined,
    );
    if (status !== undefined) ready.add(status);
    return performance.now() - start > WINDOW_MS;
  };
  await until(over, { timeoutMs: 90_000, everyMs: 500 });
  return { tookMs: performance.now() - start, ready };
}

/** Producers that say HELLO and nothing more. */
class Crowd implements AsyncDisposable {
  readonly #members: RawClient[] = [];

  static async gather(port: number, count: number): Promise<Crowd> {
    const crowd = new Crowd();
    const join = async (): Promise<void> => {
      const member = await RawClient.connect({ host: '127.0.0.1', port });
      crowd.#members.push(member);
      await member.reply();
      const welcome = await member.ask('HELLO {"v":2}');
      if (welcome !== '+OK\r\n') throw new Error(`welcomed with ${welcome}`);
    };
    for (let left = count; left > 0; left -= 100) {
      await Promise.all(Array.from({ length: Math.min(100, left) }, join));
    }
    return crowd;
  }

  disperse(): void {
    for (const { socket } of this.#members.splice(0)) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disperse();
  }
}
