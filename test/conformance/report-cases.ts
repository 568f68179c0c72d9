import { expect, it } from 'vitest';
import { type Delivered, hold, info, newQueue, sets, TIME } from './jobs.ts';
import type { Talk } from './raw-client.ts';
import type { Bench } from './suite.ts';

async function totals(talk: Talk): Promise<{ processed: number; failures: number; working: number }> {
  const { faktory } = await info(talk);
  return {
    processed: faktory.total_processed,
    failures: faktory.total_failures,
    working: faktory.sets.working,
  };
}

/** Fails a held job and gets it back from where it went. */
async function failAndRequeue(
  talk: Talk,
  held: Delivered,
  report: object,
  from: 'retries' | 'dead',
): Promise<Delivered> {
  expect(await talk.ask(`FAIL ${JSON.stringify({ jid: held.jid, ...report })}`)).toBe('+OK');
  expect(await talk.ask(`MUTATE {"cmd":"requeue","target":"${from}"}`)).toBe('+OK');
  return talk.json<Delivered>(`FETCH ${held.queue}`);
}

export function reportCases(bench: Bench): void {
  it('ACK ends a reservation, on any connection, and counts once', async () => {
    const [talk, other] = [await bench.talk('w1'), await bench.talk()];
    const { jid } = await hold(talk);
    expect(await totals(talk)).toEqual({ processed: 0, failures: 0, working: 1 });
    expect(await other.ask(`ACK {"jid":"${jid}"}`)).toBe('+OK');
    expect(await totals(talk)).toEqual({ processed: 1, failures: 0, working: 0 });
    expect(await talk.ask(`ACK {"jid":"${jid}"}`)).toBe('+OK');
    expect(await totals(talk)).toEqual({ processed: 1, failures: 0, working: 0 });
  });

  it.each([
    '{"jid":"unknown"}',
    '{"jid":""}',
    '{"jid":null}',
    '{ "jid" : "x" , "more" : "y" }',
    '{"jid":"x","y":null}',
  ])('ACK %s is OK', async (payload) => {
    const talk = await bench.talk();
    expect(await talk.ask(`ACK ${payload}`)).toBe('+OK');
  });

  it.each([
    '{}',
    'null',
    '[]',
    'x',
    '',
    '{"jid":1}',
    '{"JID":"x"}',
    '{"jid":"x","n":1}',
    '{"jid":"x"} y',
    '{"jid":"x"',
    '{"jid":"a"b"}',
  ])('ACK %s is invalid', async (payload) => {
    const talk = await bench.talk();
    expect(await talk.ask(`ACK ${payload}`)).toBe(`-ERR invalid ACK ${payload}`);
  });

  it('ACK knows a jid however it is written', async () => {
    const talk = await bench.talk();
    const { jid } = await hold(talk, { jid: 'a "b" é <c> \u0001' });
    expect(jid).toBe('a "b" é <c> \u0001');
    expect(await talk.ask('ACK {"jid":"a \\"b\\" \\u00e9 \\u003cc\\u003e \\u0001"}')).toBe('+OK');
    expect(await totals(talk)).toEqual({ processed: 1, failures: 0, working: 0 });
  });

  it('FAIL puts a job into Retries and counts it as failed and processed', async () => {
    const talk = await bench.talk();
    const held = await hold(talk, { retry: 2 });
    expect(await talk.ask(`FAIL {"jid":"${held.jid}","errtype":"E","message":"m"}`)).toBe('+OK');
    expect(await totals(talk)).toEqual({ processed: 1, failures: 1, working: 0 });
    expect(await sets(talk)).toMatchObject({ retries: 1, dead: 0 });
    expect(await talk.ask(`FAIL {"jid":"${held.jid}"}`)).toBe(`-ERR Job not found ${held.jid}`);
  });

  it('FAIL keeps a record of the failure in the job', async () => {
    const talk = await bench.talk();
    const held = await hold(talk, { retry: 2 });
    const report = { errtype: ' E ', message: '  m\nn ', backtrace: ['a', 'b'] };
    const { failure } = await failAndRequeue(talk, held, report, 'retries');
    expect(failure).toEqual({
      failed_at: expect.stringMatching(TIME),
      next_at: expect.stringMatching(TIME),
      message: 'm\nn',
      errtype: 'E',
      backtrace: ['a', 'b'],
      retry_count: 0,
      remaining: 2,
    });
    const wait = Date.parse(failure!.next_at!) - Date.parse(failure!.failed_at);
    expect(wait).toBeGreaterThanOrEqual(14_000);
    expect(wait).toBeLessThanOrEqual(45_000);
  });

  it('FAIL counts up, and buries the job when its retries are used up', async () => {
    const talk = await bench.talk();
    const held = await hold(talk, { retry: 2 });
    const once = await failAndRequeue(talk, held, {}, 'retries');
    const twice = await failAndRequeue(talk, once, { message: 'again' }, 'retries');
    expect(twice.failure).toMatchObject({
      retry_count: 1,
      remaining: 1,
      message: 'again',
      errtype: 'unknown',
    });
    expect(twice.failure!.failed_at).toBe(once.failure!.failed_at);
    const thrice = await failAndRequeue(talk, twice, {}, 'dead');
    expect(thrice.failure).toMatchObject({ retry_count: 2, remaining: 0, message: 'unknown' });
    expect(thrice.failure!.next_at).toBe(twice.failure!.next_at);
  });

  it('FAIL drops a job of retry 0, and buries one of retry −1', async () => {
    const talk = await bench.talk();
    const [none, dead] = [await hold(talk, { retry: 0 }), await hold(talk, { retry: -1 })];
    expect(await talk.ask(`FAIL {"jid":"${none.jid}"}`)).toBe('+OK');
    expect(await sets(talk)).toMatchObject({ retries: 0, dead: 0, working: 1 });
    const buried = await failAndRequeue(talk, dead, {}, 'dead');
    expect(buried.failure).toEqual({
      failed_at: expect.stringMatching(TIME),
      message: 'unknown',
      errtype: 'unknown',
      retry_count: 0,
      remaining: -1,
    });
  });

  it('FAIL keeps 1000 bytes of message, 100 of errtype and 50 lines', async () => {
    const talk = await bench.talk();
    const held = await hold(talk);
    const report = {
      message: 'é'.repeat(600),
      errtype: 'x'.repeat(200),
      backtrace: Array.from({ length: 60 }, (_, i) => `line ${i}`),
    };
    const { failure } = await failAndRequeue(talk, held, report, 'retries');
    expect(failure!.message).toBe('é'.repeat(500));
    expect(failure!.errtype).toBe('x'.repeat(100));
    expect(failure!.backtrace).toEqual(report.backtrace.slice(0, 50));
  });

  it('FAIL takes field names in any case, and null', async () => {
    const talk = await bench.talk();
    const { jid } = await hold(talk);
    expect(await talk.ask(`FAIL {"JID":"${jid}","Message":null,"backtrace":null}`)).toBe('+OK');
  });

  it.each([
    ['{"jid":"not-held"}', 'Job not found not-held'],
    ['{}', 'missing JID'],
    ['null', 'missing JID'],
    ['{"jid":""}', 'missing JID'],
    ['', 'invalid FAIL '],
    ['{"jid":"x"', 'invalid FAIL {"jid":"x"'],
    ['[]', 'invalid FAIL []'],
    ['{"jid":1}', 'invalid FAIL {"jid":1}'],
    ['{"jid":"x","errtype":1}', 'invalid FAIL {"jid":"x","errtype":1}'],
    ['{"jid":"x","backtrace":"a"}', 'invalid FAIL {"jid":"x","backtrace":"a"}'],
    ['{"jid":"x","backtrace":[1]}', 'invalid FAIL {"jid":"x","backtrace":[1]}'],
  ])('FAIL %s is refused', async (payload, refusal) => {
    const talk = await bench.talk();
    expect(await talk.ask(`FAIL ${payload}`)).toBe(`-ERR ${refusal}`);
  });

  it('keeps a reservation when its connection closes', async () => {
    const [talk, other] = [await bench.talk('gone'), await bench.talk()];
    const { jid } = await hold(talk, { queue: newQueue() });
    await talk.close();
    expect(await sets(other)).toMatchObject({ working: 1 });
    expect(await other.ask(`FAIL {"jid":"${jid}"}`)).toBe('+OK');
  });
}
