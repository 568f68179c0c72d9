import { expect, it } from 'vitest';
import { type Delivered, FUTURE, job, newJid, newQueue, sets, store, TIME } from './jobs.ts';
import { BULK, type Talk } from './raw-client.ts';
import type { Bench } from './suite.ts';

/** The stored text of the next job, its times replaced by T. */
async function stored(talk: Talk, queue: string): Promise<string> {
  const reply = String(await talk.ask(`FETCH ${queue}`));
  return reply.slice(BULK.length).replace(/"((?:created|enqueued)_at)":"[^"]*Z"/g, '"$1":"T"');
}

export function pushCases(bench: Bench): void {
  const refused: [name: string, payload: string, refusal: string | RegExp][] = [
    ['broken JSON', '{"jid":', /^-ERR invalid JSON: ./],
    ['no JSON', 'nonsense', /^-ERR invalid JSON: ./],
    ['an empty payload', '', /^-ERR invalid JSON: ./],
    ['text behind the job', `${job()} x`, /^-ERR invalid JSON: ./],
    ['an array', `[${job()}]`, /^-ERR invalid JSON: ./],
    ['a jid that is a number', job({ jid: 12345678 }), /^-ERR invalid JSON: ./],
    ['args that are an object', job({ args: {} }), /^-ERR invalid JSON: ./],
    ['args that are a string', job({ args: 'x' }), /^-ERR invalid JSON: ./],
    ['retry that is a string', job({ retry: '1' }), /^-ERR invalid JSON: ./],
    ['retry with a fraction', job({ retry: 1.5 }), /^-ERR invalid JSON: ./],
    ['reserve_for that is a string', job({ reserve_for: '60' }), /^-ERR invalid JSON: ./],
    ['custom that is an array', job({ custom: [] }), /^-ERR invalid JSON: ./],
    ['a failure of a wrong type', job({ failure: { retry_count: 'x' } }), /^-ERR invalid JSON: ./],
    [
      'a number that no double holds',
      '{"jid":"12345678","jobtype":"t","args":[1e999]}',
      /^-ERR invalid JSON: ./,
    ],
    ['an at that is a number', job({ at: 1 }), /^-ERR invalid JSON: ./],
    ['null', 'null', '-ERR jobs must have a reasonable jid parameter'],
    ['an empty object', '{}', '-ERR jobs must have a reasonable jid parameter'],
    ['no jid', job({ jid: undefined }), '-ERR jobs must have a reasonable jid parameter'],
    ['a jid of 7 bytes', job({ jid: '1234567' }), '-ERR jobs must have a reasonable jid parameter'],
    ['no jobtype', job({ jobtype: undefined }), '-ERR jobs must have a jobtype parameter'],
    ['an empty jobtype', job({ jobtype: '' }), '-ERR jobs must have a jobtype parameter'],
    ['no args', job({ args: undefined }), '-ERR jobs must have an args parameter'],
    ['args null', job({ args: null }), '-ERR jobs must have an args parameter'],
    [
      'reserve_for over a day',
      job({ reserve_for: 86401 }),
      '-ERR jobs cannot be reserved for more than one day',
    ],
    ['an at that is no time', job({ at: 'soon' }), /^-ERR invalid timestamp for 'at': "soon": ./],
    [
      'an at without a zone',
      job({ at: '2099-01-01T00:00:00' }),
      /^-ERR invalid timestamp for 'at': "2099-01/,
    ],
    [
      'an at on no real day',
      job({ at: '2099-02-30T00:00:00Z' }),
      /^-ERR invalid timestamp for 'at': "2099-02/,
    ],
    ['a small t and z', job({ at: '2099-01-01t00:00:00z' }), /^-ERR invalid timestamp for 'at': ./],
    [
      'a zone without a colon',
      job({ at: '2099-01-01T00:00:00+0100' }),
      /^-ERR invalid timestamp for 'at': ./,
    ],
    [
      'a bad queue name',
      job({ queue: 'a b/"\n' }),
      '-ERR cannot get "a b/\\"\\n" queue: queue names must match \\A[a-zA-Z0-9._-]+\\z',
    ],
  ];

  it.each(refused)('PUSH refuses %s', async (_name, payload, refusal) => {
    const talk = await bench.talk();
    expect(await talk.ask(`PUSH ${payload}`)).toEqual(
      typeof refusal === 'string' ? refusal : expect.stringMatching(refusal),
    );
  });

  it('PUSH checks in one order: jid, jobtype, args, reserve_for, at, queue', async () => {
    const talk = await bench.talk();
    const faults = { jid: '', jobtype: '', args: null, reserve_for: 86401, at: 'x', queue: ' ' };
    const repairs = { jid: newJid(), jobtype: 't', args: [], reserve_for: 0, at: '', queue: 'default' };
    const named: string[] = [];
    let fields: Record<string, unknown> = faults;
    for (const [name, value] of Object.entries(repairs)) {
      named.push(String(await talk.ask(`PUSH ${job(fields)}`)));
      fields = { ...fields, [name]: value };
    }
    expect(named.map((text) => /jid|jobtype|args|reserved|at'|queue/.exec(text)?.[0])).toEqual([
      'jid',
      'jobtype',
      'args',
      'reserved',
      "at'",
      'queue',
    ]);
    expect(await talk.ask(`PUSH ${job(fields)}`)).toBe('+OK');
  });

  it('PUSH stores the job in the default queue, with what was left out filled in', async () => {
    const talk = await bench.talk();
    const jid = newJid();
    expect(await talk.ask(`PUSH {"jid":"${jid}","jobtype":"t","args":[1],"queue":"","retry":25}`)).toBe(
      '+OK',
    );
    const delivered = await talk.json<Delivered>('FETCH default');
    expect(delivered).toMatchObject({ jid, queue: 'default', jobtype: 't', args: [1], retry: 25 });
    expect(delivered.created_at).toMatch(TIME);
    expect(delivered.enqueued_at).toMatch(TIME);
  });

  it('stores the fields in its own order, and leaves out empty ones', async () => {
    const talk = await bench.talk();
    const queue = newQueue();
    await store(
      talk,
      `{"backtrace":3,"reserve_for":60,"args":[],"at":"2020-01-01T00:00:00Z","jobtype":"t","queue":"${queue}","jid":"order-of-fields","custom":{"b":1,"a":2},"failure":{"remaining":2,"retry_count":1,"backtrace":["l"],"errtype":"e","message":"m","next_at":"n","failed_at":"f"},"retry":3}`,
      `{"jid":"order-of-fields","jobtype":"t","args":[],"queue":"${queue}","retry":3,"custom":{},"backtrace":0,"reserve_for":0,"at":""}`,
      `{"jid":"order-of-fields","jobtype":"t","args":[],"queue":"${queue}","retry":3,"failure":{}}`,
    );
    expect(await stored(talk, queue)).toBe(
      `{"retry":3,"failure":{"failed_at":"f","next_at":"n","message":"m","errtype":"e","backtrace":["l"],"retry_count":1,"remaining":2},"custom":{"a":2,"b":1},"jid":"order-of-fields","queue":"${queue}","jobtype":"t","created_at":"T","enqueued_at":"T","at":"2020-01-01T00:00:00Z","args":[],"reserve_for":60,"backtrace":3}`,
    );
    expect(await stored(talk, queue)).toBe(
      `{"retry":3,"jid":"order-of-fields","queue":"${queue}","jobtype":"t","created_at":"T","enqueued_at":"T","args":[]}`,
    );
    expect(await stored(talk, queue)).toContain(
      '"failure":{"failed_at":"","retry_count":0,"remaining":0},"jid"',
    );
  });

  it('takes field names in any case, and drops unknown ones', async () => {
    const talk = await bench.talk();
    const queue = newQueue();
    await store(
      talk,
      `{"JID":"any-case","JobType":"t","ARGS":[],"Queue":"${queue}","Retry":3,"priority":9,"x":{}}`,
    );
    expect(await stored(talk, queue)).toBe(
      `{"retry":3,"jid":"any-case","queue":"${queue}","jobtype":"t","created_at":"T","enqueued_at":"T","args":[]}`,
    );
  });

  it.each([
    [
      'numbers as doubles',
      '[9007199254740993,1.0,0.10,1e3,-0,1e21,1e-7]',
      '[9007199254740992,1,0.1,1000,-0,1e+21,1e-7]',
    ],
    [
      'keys sorted, inside arrays too',
      '[{"b":{"d":1,"c":2},"a":[{"2":1,"10":2}]}]',
      '[{"a":[{"10":2,"2":1}],"b":{"c":2,"d":1}}]',
    ],
    [
      '< > & escaped',
      '["<a href=\\"x&y\\">",{"<":1}]',
      '["\\u003ca href=\\"x\\u0026y\\"\\u003e",{"\\u003c":1}]',
    ],
    ['line separators escaped', '["\u2028\u2029"]', '["\\u2028\\u2029"]'],
    [
      'control characters escaped',
      '["\\u0001\\u001f\\b\\f\\n\\r\\t\u007f\\/"]',
      '["\\u0001\\u001f\\b\\f\\n\\r\\t\u007f/"]',
    ],
    ['escapes resolved', '["\\u00e9\\ud83d\\ude00"]', '["é😀"]'],
    ['half a surrogate replaced', '["a\\ud800b\\\\ud800"]', '["a\ufffdb\\\\ud800"]'],
    ['plain values', '[null,true,false,"",[],{}]', '[null,true,false,"",[],{}]'],
    ['spaces dropped', '[ 1 , { "a" : [ ] } ]', '[1,{"a":[]}]'],
  ])('stores args as compact JSON: %s', async (_name, args, expected) => {
    const talk = await bench.talk();
    const queue = newQueue();
    await store(talk, `{"jid":"${newJid()}","jobtype":"t","queue":"${queue}","retry":25,"args":${args}}`);
    const text = await stored(talk, queue);
    expect(text.slice(text.indexOf('"args":'))).toBe(`"args":${expected}}`);
  });

  it('replaces what is no UTF-8', async () => {
    const talk = await bench.talk();
    const queue = newQueue();
    const [before, after] = job({ queue, args: ['a-b'] }).split('a-b');
    talk.write(
      Buffer.concat([Buffer.from(`PUSHB [${before}a`), Buffer.of(0xff), Buffer.from(`b${after}]\r\n`)]),
    );
    expect(await talk.reply()).toBe('bulk {}');
    expect((await talk.json<Delivered>(`FETCH ${queue}`)).args).toEqual(['a\ufffdb']);
  });

  it('keeps created_at, and sets enqueued_at itself', async () => {
    const talk = await bench.talk();
    const queue = newQueue();
    await store(talk, job({ queue, created_at: 'then', enqueued_at: 'then' }));
    const delivered = await talk.json<Delivered>(`FETCH ${queue}`);
    expect(delivered.created_at).toBe('then');
    expect(delivered.enqueued_at).toMatch(TIME);
  });

  it('takes the same jid twice as two jobs', async () => {
    const talk = await bench.talk();
    const [queue, jid] = [newQueue(), newJid()];
    await store(talk, job({ queue, jid, args: [1] }), job({ queue, jid, args: [2] }));
    const args = [await talk.json<Delivered>(`FETCH ${queue}`), await talk.json<Delivered>(`FETCH ${queue}`)];
    expect(args.map((one) => one.args[0])).toEqual([1, 2]);
  });

  it.each(['2020-01-01T00:00:00Z', '2020-01-01T00:00:00.123456789+05:30'])(
    'queues a job whose time is past: %s',
    async (at) => {
      const talk = await bench.talk();
      const queue = newQueue();
      await store(talk, job({ queue, at }));
      const delivered = await talk.json<Delivered>(`FETCH ${queue}`);
      expect(delivered.at).toBe(at);
      expect(delivered.enqueued_at).toMatch(TIME);
    },
  );

  it('puts a job whose time is to come into Scheduled, without an enqueued_at', async () => {
    const talk = await bench.talk();
    const queue = newQueue();
    await store(talk, job({ queue, at: FUTURE, enqueued_at: 'x' }));
    expect(await sets(talk)).toMatchObject({ scheduled: 1 });
    expect(await talk.ask('MUTATE {"cmd":"requeue","target":"scheduled"}')).toBe('+OK');
    const delivered = await talk.json<Delivered>(`FETCH ${queue}`);
    expect(delivered).toMatchObject({ at: FUTURE });
    expect(delivered.enqueued_at ?? '').not.toMatch(TIME);
  });

  it('PUSHB stores what it can, in order, and maps the jids of the others to why not', async () => {
    const talk = await bench.talk();
    const queue = newQueue();
    const jobs = [
      job({ queue, args: [1] }),
      job({ queue, jid: 'short' }),
      job({ queue, jid: 'no-jobtype', jobtype: '' }),
      job({ queue: 'a b', jid: 'bad-queue' }),
      job({ queue, jid: undefined }),
      '{}',
      'null',
      job({ queue, args: [2] }),
    ];
    expect(await talk.json(`PUSHB [${jobs.join(',')}]`)).toEqual({
      '': 'jobs must have a reasonable jid parameter',
      short: 'jobs must have a reasonable jid parameter',
      'no-jobtype': 'jobs must have a jobtype parameter',
      'bad-queue': 'cannot get "a b" queue: queue names must match \\A[a-zA-Z0-9._-]+\\z',
    });
    const first = await talk.json<Delivered>(`FETCH ${queue}`);
    const second = await talk.json<Delivered>(`FETCH ${queue}`);
    expect([first.args, second.args]).toEqual([[1], [2]]);
  });

  it.each(['[]', 'null', ' [ ] '])('PUSHB %s stores nothing', async (payload) => {
    const talk = await bench.talk();
    expect(await talk.ask(`PUSHB ${payload}`)).toBe('bulk {}');
  });

  it.each(['{}', '3', '"x"', '[', '[1]', '["x"]', '[[]]', '[] x', `[${job()},${job({ retry: 'x' })}]`])(
    'PUSHB %s is refused as a whole',
    async (payload) => {
      const talk = await bench.talk();
      expect(await talk.ask(`PUSHB ${payload}`)).toMatch(/^-ERR invalid JSON: ./);
      expect((await sets(talk)).scheduled).toBe(0);
    },
  );

  it('PUSHB with one job of a wrong type stores none', async () => {
    const talk = await bench.talk();
    const queue = newQueue();
    expect(await talk.ask(`PUSHB [${job({ queue })},${job({ queue, reserve_for: '60' })}]`)).toMatch(
      /^-ERR invalid JSON/,
    );
    expect(await talk.json(`QUEUE LATENCY ${queue}`)).toEqual({ [queue]: 0 });
  });
}
