import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { type EmbeddedOptions, ManualClock, startEmbeddedFaktory } from '../../src/embedded/index.ts';
import { job, newQueue, store } from '../conformance/jobs.ts';
import { CLOSED, Talk } from '../conformance/raw-client.ts';
import { until } from '../helpers/until.ts';

const HOST = '127.0.0.1';

it('names its URL, with the password if there is one', async () => {
  await using open = await startEmbeddedFaktory();
  await using closed = await startEmbeddedFaktory({ password: 'a@b c' });
  expect(open.url).toBe(`tcp://127.0.0.1:${open.port}`);
  expect(closed.url).toBe(`tcp://:a%40b%20c@127.0.0.1:${closed.port}`);
});

it('says which port is taken', async () => {
  await using first = await startEmbeddedFaktory();
  await expect(startEmbeddedFaktory({ port: first.port })).rejects.toMatchObject({
    code: 'PORT_TAKEN',
    message: expect.stringContaining(`127.0.0.1:${first.port}`),
  });
});

it.each<EmbeddedOptions>([
  { host: '0.0.0.0' },
  { host: '192.168.0.1' },
  { host: '::' },
  { environment: 'production' },
])('refuses %j', async (options) => {
  await expect(startEmbeddedFaktory(options)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});

it('stops with everything closed, and stops once only', async () => {
  const faktory = await startEmbeddedFaktory();
  const address = { host: HOST, port: faktory.port };
  const talks = [await Talk.open(address), await Talk.open(address, 'w1'), Talk.silent(address)];
  await talks[2]!.reply();
  talks[1]!.send(`FETCH ${newQueue()}`);
  await until(() => faktory.counts().waiting === 1);
  await Promise.all([faktory.stop(), faktory.stop()]);
  for (const talk of talks) expect(await talk.reply()).toBe(CLOSED);
  expect(faktory.counts()).toMatchObject({ connections: 0, workers: 0, waiting: 0 });
  await faktory.stop();
  const again = createServer();
  await new Promise<void>((resolve) => again.listen(faktory.port, HOST, resolve));
  await new Promise((resolve) => again.close(resolve));
});

it('answers the next command of each connection in its grace, as at a SIGTERM', async () => {
  const faktory = await startEmbeddedFaktory();
  const address = { host: HOST, port: faktory.port };
  const talks = [await Talk.open(address), await Talk.open(address, 'w1')];
  const stopped = faktory.stop({ graceMs: 60_000 });
  const late = Talk.silent(address);
  expect(await late.reply()).toBe(CLOSED);
  for (const talk of talks) {
    expect(await talk.ask(`PUSH ${job()}`)).toBe('-ERR shutdown in progress');
    expect(await talk.reply()).toBe(CLOSED);
  }
  await stopped;
  expect(faktory.counts()).toMatchObject({ enqueued: 0, connections: 0 });
});

it('closes what is left when its grace is over', async () => {
  const clock = new ManualClock();
  const faktory = await startEmbeddedFaktory({ clock });
  const talk = await Talk.open({ host: HOST, port: faktory.port });
  const stopped = faktory.stop({ graceMs: 200 });
  clock.advance(200);
  expect(await talk.reply()).toBe(CLOSED);
  await stopped;
  expect(clock.pendingTimers).toBe(0);
});

it('counts', async () => {
  await using faktory = await startEmbeddedFaktory();
  await using talk = await Talk.open({ host: HOST, port: faktory.port }, 'w1');
  await store(talk, job({ queue: 'b' }), job({ queue: 'a' }), job({ queue: 'a' }));
  await talk.ask('FETCH a');
  expect(faktory.counts()).toEqual({
    queues: { a: 1, b: 1 },
    enqueued: 2,
    scheduled: 0,
    working: 1,
    retries: 0,
    dead: 0,
    processed: 0,
    failures: 0,
    connections: 1,
    workers: 1,
    waiting: 0,
  });
});

it('has a place for faults', async () => {
  const seen: [string, string | undefined][] = [];
  await using faktory = await startEmbeddedFaktory({
    intercept(line, wid) {
      seen.push([line, wid]);
      return line.startsWith('ACK ') ? '-ERR context deadline exceeded\r\n' : undefined;
    },
  });
  await using talk = await Talk.open({ host: HOST, port: faktory.port }, 'w1');
  expect(await talk.ask('ACK {"jid":"x"}')).toBe('-ERR context deadline exceeded');
  expect(await talk.ask('FOO')).toBe('-ERR unknown command FOO');
  expect(seen).toEqual([
    ['ACK {"jid":"x"}', 'w1'],
    ['FOO', 'w1'],
  ]);
});

it('makes one reply of a jid with line ends', async () => {
  await using faktory = await startEmbeddedFaktory();
  await using talk = await Talk.open({ host: HOST, port: faktory.port });
  expect(await talk.ask('FAIL {"jid":"x\\r\\n+OK"}')).toBe('-ERR Job not found x +OK');
  expect(await talk.ask('BEAT {"wid":"x\\r\\n+OK"}')).toBe('-ERR unknown worker x +OK');
  expect(await talk.ask('FOO')).toBe('-ERR unknown command FOO');
});

it('keeps to 25 retries, whatever others push', async () => {
  await using faktory = await startEmbeddedFaktory();
  await using talk = await Talk.open({ host: HOST, port: faktory.port });
  await talk.ask(`PUSH ${job({ retry: 0 })}`);
  await talk.ask(`PUSH ${job({ retry: undefined, queue: 'later' })}`);
  expect(await talk.ask('FETCH later')).toContain('"retry":25');
});

it('takes queues of names that break the real one', async () => {
  await using faktory = await startEmbeddedFaktory();
  await using talk = await Talk.open({ host: HOST, port: faktory.port });
  const names = ['retries', 'scheduled', 'dead', 'working', 'queues', 'paused', '__proto__', 'constructor'];
  await store(talk, ...names.map((queue) => job({ queue, jid: `for-${queue}` })));
  for (const queue of names) expect(await talk.ask(`FETCH ${queue}`)).toContain(`for-${queue}`);
  expect(Object.keys(faktory.counts().queues).sort()).toEqual([...names].sort());
});

it('refuses a scheduled job with a bad queue name at once, and keeps equal ones apart', async () => {
  await using faktory = await startEmbeddedFaktory();
  await using talk = await Talk.open({ host: HOST, port: faktory.port });
  const at = '2099-01-01T00:00:00Z';
  expect(await talk.ask(`PUSH ${job({ queue: 'a b', at })}`)).toMatch(/^-ERR cannot get "a b" queue/);
  const same = job({ jid: 'same-jid', at, created_at: at });
  await store(talk, same, same);
  expect(faktory.counts().scheduled).toBe(2);
});

it('stops answering a peer that does not read, and goes on when it does', async () => {
  await using faktory = await startEmbeddedFaktory();
  await using talk = await Talk.open({ host: HOST, port: faktory.port });
  await using idle = await Talk.open({ host: HOST, port: faktory.port });
  const queue = newQueue();
  const big = 'x'.repeat(500_000);
  for (let i = 0; i < 60; i++) await store(talk, job({ queue, args: [big] }));
  idle.pause();
  idle.write(`FETCH ${queue}\r\n`.repeat(60));
  await until(async () => {
    const before = faktory.counts().enqueued;
    await talk.ask('INFO');
    return before < 60 && before === faktory.counts().enqueued;
  });
  expect(faktory.counts().enqueued).toBeGreaterThan(0);
  idle.resume();
  for (let i = 0; i < 60; i++) expect(await idle.reply()).toContain(queue);
});

it.each([
  ['a number that no double holds', '[1e999]'],
  ['nesting that has no end', `${'['.repeat(200_000)}${']'.repeat(200_000)}`],
])('refuses a whole PUSHB for %s, and lives on', async (_name, args) => {
  await using faktory = await startEmbeddedFaktory();
  await using talk = await Talk.open({ host: HOST, port: faktory.port });
  const bad = `{"jid":"12345678","jobtype":"t","args":${args}}`;
  expect(await talk.ask(`PUSHB [${job()},${bad}]`)).toMatch(/^-ERR invalid JSON: ./);
  expect(faktory.counts().enqueued).toBe(0);
});
