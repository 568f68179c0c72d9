import { expect, it } from 'vitest';
import { info, job, newQueue, store } from './jobs.ts';
import { CLOSED, proof, type Talk } from './raw-client.ts';
import { type Bench, PASSWORD } from './suite.ts';

export function handshakeCases(bench: Bench): void {
  it.each([
    ['the least', '{"v":2}', '\r\n'],
    ['a line end of LF alone', '{"v":2}', '\n'],
    ['a worker', '{"hostname":"h","wid":"w1","pid":1,"labels":["a","b"],"v":2}', '\r\n'],
    ['unknown fields', '{"v":2,"nonsense":{"a":1}}', '\r\n'],
    ['an old version', '{"v":1}', '\r\n'],
    ['a later version', '{"v":3}', '\r\n'],
    ['nothing said', '{}', '\r\n'],
    ['null for everything', '{"v":null,"wid":null,"pid":null,"labels":null,"hostname":null}', '\r\n'],
  ])('greets, and takes a HELLO with %s', async (_name, hello, end) => {
    const talk = bench.silent();
    expect(await talk.reply()).toBe('+HI {"v":2}');
    talk.write(`HELLO ${hello}${end}`);
    expect(await talk.reply()).toBe('+OK');
  });

  it.each([
    'hello {"v":2}',
    'HELLO{"v":2}',
    'HELLO  {"v":2}',
    'HELLO [2]',
    'HELLO',
    'HELLO {"v":',
    'HELLO {"v":2} more',
    'HELLO {"v":"2"}',
    'HELLO {"v":300}',
    'HELLO {"v":2,"pid":"1"}',
    'HELLO {"v":2,"labels":"a"}',
    'HELLO {"v":2,"labels":[1]}',
    'HELLO {"v":2,"wid":1}',
    'PUSH {"jid":"12345678","jobtype":"suite","args":[],"retry":25}',
    'GET / HTTP/1.1',
    '',
  ])('closes without a word on %j', async (line) => {
    const talk = bench.silent();
    await talk.reply();
    expect(await talk.ask(line)).toBe(CLOSED);
  });

  it('closes without a word on who says nothing for two seconds', async () => {
    const [silent, halting] = [bench.silent(), bench.silent()];
    await silent.reply();
    await halting.reply();
    halting.write('HELLO {"v":2}');
    expect(await Promise.all([silent.reply(), halting.reply()])).toEqual([CLOSED, CLOSED]);
  });

  it('says how many connections there may be after the HELLO of one too many', async () => {
    const { connectionLimit } = bench.implementation;
    const first = await bench.talk();
    const used = Number((await info(first)).server.connections);
    await Promise.all(Array.from({ length: connectionLimit - used }, () => bench.talk()));
    const last = bench.silent();
    await last.reply();
    expect(await last.ask('HELLO {"v":2}')).toBe('+OK');
    expect(await last.reply()).toBe(`-ERR too many connections: ${connectionLimit + 1}`);
    expect(await last.reply()).toBe(CLOSED);
    expect(await first.ask('FOO')).toBe('-ERR unknown command FOO');
  });
}

export function connectionCases(bench: Bench): void {
  it('takes commands that come along with the HELLO', async () => {
    const talk = bench.silent();
    const queue = newQueue();
    talk.write(`HELLO {"v":2}\r\nPUSHB [${job({ queue })}]\nFETCH ${queue}\r\nEND\r\n`);
    expect(await talk.reply()).toBe('+HI {"v":2}');
    expect(await talk.reply()).toBe('+OK');
    expect(await talk.reply()).toBe('bulk {}');
    expect(await talk.reply()).toContain(`"queue":"${queue}"`);
    expect(await talk.reply()).toBe(CLOSED);
  });

  it('answers 1,500 commands of one write in order', async () => {
    const talk = await bench.talk();
    const words = Array.from({ length: 1500 }, (_, i) => `W${i}`);
    talk.write(words.map((word) => `${word}\r\n`).join(''));
    const replies = await Promise.all(words.map(() => talk.reply()));
    expect(replies).toEqual(words.map((word) => `-ERR unknown command ${word}`));
  });

  it('takes a line byte by byte', async () => {
    const talk = await bench.talk();
    const queue = newQueue();
    const bytes = Buffer.from(`PUSHB [${job({ queue, args: ['é€😀'] })}]\r\n`);
    for (const byte of bytes) {
      talk.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await talk.reply()).toBe('bulk {}');
    expect(await talk.ask(`FETCH ${queue}`)).toContain('é€😀');
  });

  it('takes and delivers a job of 20 MB', async () => {
    const talk = await bench.talk();
    const queue = newQueue();
    const text = 'x'.repeat(20_000_000);
    await store(talk, job({ queue, args: [text] }));
    const { args } = await talk.json<{ args: string[] }>(`FETCH ${queue}`);
    expect(args[0]!.length).toBe(text.length);
  });

  it.each([
    ['HELLO {"v":2}', 'HELLO'],
    ['fetch default', 'fetch'],
    ['FOO', 'FOO'],
    ['CRON a b', 'CRON'],
    ['', ''],
    [' INFO', ''],
    ['FLUSH\tx', 'FLUSH\tx'],
  ])('does not know the command %j', async (line, word) => {
    const talk = await bench.talk();
    expect(await talk.ask(line)).toBe(`-ERR unknown command ${word}`);
  });

  it.each([
    ['BATCH', 'batch'],
    ['BATCH NEW {}', 'batch'],
    ['TRACK GET x', 'tracking'],
  ])('leaves %s to Enterprise', async (line, subsystem) => {
    const talk = await bench.talk();
    expect(await talk.ask(line)).toBe(`-ERR ${subsystem} subsystem is only available in Faktory Enterprise`);
  });

  it('closes on END without a reply, and runs nothing after it', async () => {
    const talk = await bench.talk();
    const queue = newQueue();
    talk.write(`FOO\r\nEND\r\nPUSHB [${job({ queue })}]\r\n`);
    expect(await talk.reply()).toBe('-ERR unknown command FOO');
    expect(await talk.reply()).toBe(CLOSED);
    const other = await bench.talk();
    expect((await info(other)).faktory.queues).not.toHaveProperty(queue);
  });

  it('runs what came before the peer closed', async () => {
    const talk = await bench.talk();
    const queue = newQueue();
    talk.send(`PUSHB [${job({ queue })}]`);
    await talk.close();
    const other = await bench.talk();
    expect(await other.ask(`FETCH ${queue}`)).toContain(queue);
  });

  it('forgets a line that was never ended', async () => {
    const talk = await bench.talk();
    const queue = newQueue();
    talk.write(`FOO\r\nPUSHB [${job({ queue })}]`);
    await talk.close();
    const other = await bench.talk();
    expect((await info(other)).faktory.queues).not.toHaveProperty(queue);
  });

  it('answers bare commands with an internal error and lives on', async (context) => {
    if (!bench.implementation.survivesBareCommands) context.skip('it ends its process');
    const talk = await bench.talk();
    const bare = [
      'PUSH',
      'PUSHB',
      'ACK',
      'FAIL',
      'BEAT',
      'QUEUE',
      'QUEUE PAUSE',
      'QUEUE REMOVE',
      'QUEUE RESUME',
    ];
    expect(await talk.askAll(...bare)).toEqual(bare.map(() => '-ERR internal error'));
  });
}

export function passwordCases(bench: Bench): void {
  interface Greeting {
    v: number;
    i: number;
    s: string;
  }
  async function greeted(): Promise<[Talk, Greeting]> {
    const talk = bench.silent();
    const hi = await talk.reply();
    return [talk, JSON.parse(String(hi).replace('+HI ', '')) as Greeting];
  }

  it('greets each connection with a salt and rounds of its own', async () => {
    const [[, one], [, other]] = [await greeted(), await greeted()];
    expect(one.v).toBe(2);
    expect(one.i).toBeGreaterThanOrEqual(4000);
    expect(one.i).toBeLessThan(8096);
    expect(one.s).toMatch(/^[0-9a-f]+$/);
    expect(one.s).not.toBe(other.s);
  });

  it('lets in who knows the password', async () => {
    const [talk, { s, i }] = await greeted();
    expect(await talk.ask(`HELLO {"v":2,"pwdhash":"${proof(PASSWORD, s, i)}"}`)).toBe('+OK');
    expect(await talk.ask('FOO')).toBe('-ERR unknown command FOO');
  });

  it('takes one round from a client of version 1', async () => {
    const [talk, { s }] = await greeted();
    expect(await talk.ask(`HELLO {"v":1,"pwdhash":"${proof(PASSWORD, s, 1)}"}`)).toBe('+OK');
  });

  it.each<[string, (hi: Greeting) => object]>([
    ['a wrong password', ({ s, i }) => ({ pwdhash: proof('wrong', s, i) })],
    ['no proof', () => ({})],
    ['an empty proof', () => ({ pwdhash: '' })],
    ['a proof in capitals', ({ s, i }) => ({ pwdhash: proof(PASSWORD, s, i).toUpperCase() })],
    ['a round too few', ({ s, i }) => ({ pwdhash: proof(PASSWORD, s, i - 1) })],
  ])('refuses %s and closes', async (_name, answer) => {
    const [talk, hi] = await greeted();
    expect(await talk.ask(`HELLO ${JSON.stringify({ v: 2, ...answer(hi) })}`)).toBe('-ERR Invalid password');
    expect(await talk.reply()).toBe(CLOSED);
  });
}
