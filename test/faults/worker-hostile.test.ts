import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import type { ContextHandler } from '../../src/worker/executor.ts';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { until } from '../helpers/until.ts';
import { Ledger } from './ledger.ts';
import { localWorker, pushJobs, Watch } from './local.ts';
import { connectRaw } from './raw-faktory.ts';
import { setStage } from './stage.ts';

const ODD_HANDLERS = fileURLToPath(new URL('./odd-handlers.mjs', import.meta.url));
const FAIL_BYTES = 8_192;
const thrower = (): never => {
  throw new Error('a trap');
};

function circular(): object {
  const one: Record<string, unknown> = {};
  one.self = one;
  return one;
}

function withFields(fields: Record<string, unknown>): Error {
  const error = new Error('it fails');
  for (const [name, value] of Object.entries(fields)) {
    Object.defineProperty(
      error,
      name,
      typeof value === 'function' ? { get: value as () => unknown } : { value },
    );
  }
  return error;
}

/** What handlers throw, or their promises reject with. */
const THROWN: Record<string, () => unknown> = {
  string: () => 'a string',
  'empty string': () => '',
  null: () => null,
  undefined: () => undefined,
  number: () => Number.NaN,
  bigint: () => 10n,
  symbol: () => Symbol('thrown'),
  function: () => () => {},
  circular,
  'no prototype': () => Object.create(null),
  'hostile message': () => withFields({ message: thrower }),
  'hostile stack': () => withFields({ stack: thrower }),
  'hostile name and code': () => withFields({ name: thrower, code: thrower, constructor: thrower }),
  'message of 10 MB': () => new Error('m'.repeat(10 * 2 ** 20)),
  'message of emoji': () => new Error('😀'.repeat(5_000)),
  'message of control characters': () => new Error('\u0001'.repeat(5_000)),
  'half a character': () => new Error(`${'x'.repeat(999)}\ud83d\ude00 \ud83d`),
  'line ends': () => new Error('one\r\nFLUSH\r\n+OK\r\n\u2028\u0000'),
  'message that is no string': () => withFields({ message: circular() }),
  'stack of 10 MB': () =>
    withFields({ stack: `Error\n${'    at somewhere (file.js:1:1)\n'.repeat(300_000)}` }),
  'stack of long lines': () => withFields({ stack: `Error\n${`    at ${'€'.repeat(5_000)}\n`.repeat(60)}` }),
  'stack of control characters': () =>
    withFields({ stack: `Error\n${`    at ${'\u0001'.repeat(500)}\n`.repeat(60)}` }),
  'long code': () => withFields({ code: 'C'.repeat(10_000) }),
  'circular cause': () => withFields({ cause: circular() }),
};

/** What handlers return: all of it is dropped, but for a `then` that throws. */
const RETURNED: Record<string, () => unknown> = {
  bigint: () => ({ big: 10n }),
  circular,
  symbol: () => Symbol('returned'),
  function: () => () => {},
  'hostile toJSON': () => ({ toJSON: thrower }),
  'a promise of a circular one': async () => circular(),
  'settles twice': () => ({
    // biome-ignore lint/suspicious/noThenProperty: a thenable that does what none should.
    then: (resolve: () => void, reject: (reason: unknown) => void) => {
      resolve();
      reject(new Error('too late'));
      throw new Error('later still');
    },
  }),
};

describeOnRealFaktory('handlers that do what none should', () => {
  it('row 30: each throw and each reject is one FAIL, each result one ACK, and the worker lives', async () => {
    using ledger = new Ledger({ row: 30, name: 'hostile throws and results' });
    await using stage = await setStage(ledger, { relay: { messages: true } });
    const { relay, faktory } = stage;
    await using client = new Client({ url: faktory.url, logger: false });
    await using worker = localWorker(ledger, relay.url);
    worker.on('fail', () => {
      throw new Error('a listener that throws');
    });
    const handle = (jobtype: string, handler: ContextHandler): string => {
      worker.handle(jobtype, handler);
      return jobtype;
    };
    const failing = Object.entries(THROWN).flatMap(([what, make]) => [
      handle(`throws ${what}`, () => {
        throw make();
      }),
      handle(`rejects ${what}`, () => Promise.reject(make())),
    ]);
    const ending = Object.entries(RETURNED).map(([what, make]) => handle(`returns ${what}`, make));
    failing.push(
      handle('returns a then that throws', () => Object.defineProperty({}, 'then', { get: thrower })),
    );
    const acks = new Watch(relay, 'up', /^ACK/);
    const fails = new Watch(relay, 'up', /^FAIL/);
    await worker.work();
    const jids = new Map<string, string>();
    for (const jobtype of [...failing, ...ending]) {
      const [jid] = await pushJobs(ledger, client, 1, { jobtype });
      jids.set(jid!, jobtype);
    }
    await until(() => worker.stats().done + worker.stats().failed === jids.size, { timeoutMs: 60_000 });
    await until(() => worker.stats().unreported === 0);
    // It lives.
    await pushJobs(ledger, client, 10);
    await until(() => ledger.runs().length === 20 && worker.stats().unreported === 0);
    const { sets } = await stage.held();
    const [acked, failed] = [acks.seen, fails.seen].map((lines) =>
      lines.map((line) => jids.get(jidOf(line))).filter((jobtype) => jobtype !== undefined),
    );
    const sizes = fails.seen.map((line) => ({
      jobtype: jids.get(jidOf(line)),
      bytes: Buffer.byteLength(line, 'latin1'),
    }));
    const largest = sizes.reduce((most, each) => (each.bytes > most.bytes ? each : most));
    for (const jid of jids.keys()) ledger.dead(jid);
    ledger.note('FAILs', failed!.length);
    ledger.note('ACKs', acked!.length);
    ledger.note('largest FAIL', `${largest.bytes} B (${largest.jobtype})`);
    expect(ledger.settle()).toMatchObject({ lost: 0, open: 0 });
    expect(failed!.toSorted()).toEqual(failing.toSorted());
    expect(acked!.toSorted()).toEqual(ending.toSorted());
    expect(sets).toMatchObject({ retries: failing.length, working: 0 });
    expect(worker.state).toBe('running');
    for (const line of fails.seen) expect(line).not.toMatch(/[\r\n]/);
    expect(sizes.filter(({ bytes }) => bytes > FAIL_BYTES)).toEqual([]);
  });

  it('row 30: a proxy whose every trap throws: one FAIL each, and the process lives', async () => {
    using ledger = new Ledger({ row: 30, name: 'what cannot be asked anything is thrown' });
    await using stage = await setStage(ledger);
    const worker = await stage.startWorker({ handlers: ODD_HANDLERS, concurrency: 10 });
    const odd = ['throws', 'rejects', 'returns'];
    for (const jobtype of odd)
      for (const jid of await pushJobs(ledger, stage.client, 2, { jobtype })) ledger.dead(jid);
    await stage.push(20);
    const settled = async (): Promise<boolean> => {
      if (worker.process.exited !== undefined) return true;
      const { queued, sets } = await stage.held();
      return queued + sets.working === 0 && ledger.missing().length === 0;
    };
    await until(settled, {
      timeoutMs: 8_000,
      everyMs: 100,
      what: () => `all settled. Its output: ${worker.process.output.slice(-2_000)}`,
    });
    const { sets } = await stage.held();
    ledger.settle();
    expect(worker.process.exited, worker.process.output.slice(-1_000)).toBeUndefined();
    expect(sets.retries + sets.dead).toBe(2 * odd.length);
    expect((await worker.process.stop('SIGTERM')).code).toBe(0);
  });
});

describeOnRealFaktory('names that every object has', () => {
  it.for(['handle', 'register'] as const)(
    'row 34: an unknown jobtype is FAILed, nothing of a prototype called, by %s',
    async (form) => {
      using ledger = new Ledger({ row: 34, name: `jobtypes of Object.prototype, ${form}` });
      await using stage = await setStage(ledger, { relay: { messages: true } });
      await using raw = await connectRaw(stage.faktory);
      await using worker = localWorker(ledger, stage.relay.url);
      const got: unknown[][] = [];
      const take = (...args: unknown[]): void => {
        got.push(args);
      };
      if (form === 'handle') worker.handle('args', (_ctx, ...args) => take(...args));
      else worker.register('args', take);
      const fails = new Watch(stage.relay, 'up', /^FAIL/);
      const names = [
        ...[
          'unknown',
          'constructor',
          '__proto__',
          'toString',
          'valueOf',
          'hasOwnProperty',
          'then',
          'prototype',
        ],
        ...['__defineGetter__', 'isPrototypeOf', 'run ', 'RUN', 'args\u0000'],
      ];
      const base = { retry: 5, reserve_for: 60 };
      const jobs = names.map((jobtype, k) => ({ jid: `unknown-${k}`, jobtype, args: [], ...base }));
      const args = '[{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}},"__proto__"]';
      const hostile = `{"jid":"args-of-34","jobtype":"args","args":${args},"custom":{"__proto__":{"polluted":1}},"retry":5,"reserve_for":60}`;
      for (const { jid } of jobs) ledger.accepted(jid);
      await worker.work();
      const answer = await raw.ask(`PUSHB [${jobs.map((job) => JSON.stringify(job)).join(',')},${hostile}]`);
      expect(answer).toMatch(/\{\}\r\n$/);
      await until(() => worker.stats().failed === names.length && worker.stats().done === 1);
      await until(() => worker.stats().unreported === 0);
      const { sets } = await stage.held();
      for (const { jid } of jobs) ledger.dead(jid);
      ledger.note('FAILs', fails.count);
      ledger.settle();
      expect(fails.seen.map((line) => JSON.parse(line.slice(5)).errtype)).toEqual(
        Array(names.length).fill('HANDLER_UNKNOWN'),
      );
      expect(sets).toMatchObject({ working: 0 });
      expect(sets.retries + sets.dead).toBe(names.length);
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
      expect(JSON.stringify(got)).toBe(`[[${args.slice(1, -1)}]]`);
    },
  );
});

function jidOf(line: string): string {
  return (JSON.parse(line.slice(line.indexOf(' '))) as { jid: string }).jid;
}
