import { describe, expect, it } from 'vitest';
import {
  type EmbeddedFaktory,
  type EmbeddedOptions,
  ManualClock,
  type Quirks,
  startEmbeddedFaktory,
} from '../../src/embedded/index.ts';
import { hold, info, job, newQueue, store } from '../conformance/jobs.ts';
import { CLOSED, Talk } from '../conformance/raw-client.ts';
import { until } from '../helpers/until.ts';

interface Bed extends AsyncDisposable {
  readonly faktory: EmbeddedFaktory;
  readonly talk: Talk;
  open(wid?: string): Promise<Talk>;
  silent(): Talk;
}

async function bed(options: EmbeddedOptions = {}): Promise<Bed> {
  const faktory = await startEmbeddedFaktory(options);
  const address = { host: '127.0.0.1', port: faktory.port };
  return {
    faktory,
    talk: await Talk.open(address),
    open: (wid) => Talk.open(address, wid),
    silent: () => Talk.silent(address),
    [Symbol.asyncDispose]: () => faktory.stop(),
  };
}

const quirky = (quirks: Quirks) => bed({ quirks });

describe('dropped replies', () => {
  it('are lost, their commands are not', async () => {
    await using b = await bed();
    b.faktory.faults.dropReplies(1, 'PUSHB');
    expect(await b.talk.ask('FOO')).toMatch(/unknown command/);
    expect(await b.talk.ask(`PUSHB [${job()}]`)).toBe(CLOSED);
    expect(b.faktory.counts().enqueued).toBe(1);
    const again = await b.open();
    await store(again, job());
    expect(b.faktory.counts().enqueued).toBe(2);
  });

  it('of any command, as many as were asked for', async () => {
    await using b = await bed();
    const talks = [b.talk, await b.open(), await b.open()];
    b.faktory.faults.dropReplies(2);
    const replies = [];
    for (const talk of talks) replies.push(await talk.ask('ACK {"jid":"unknown-jid"}'));
    expect(replies).toEqual([CLOSED, CLOSED, '+OK']);
  });

  it('let earlier ones of the same write through', async () => {
    await using b = await bed();
    b.faktory.faults.dropReplies(1, 'INFO');
    b.talk.write('FOO\r\nINFO\r\nFOO\r\n');
    expect(await b.talk.reply()).toBe('-ERR unknown command FOO');
    expect(await b.talk.reply()).toBe(CLOSED);
  });

  it('of FETCH are those with a job, which stays reserved, waited for or not', async () => {
    await using b = await bed();
    const queue = newQueue();
    b.faktory.faults.dropReplies(2, 'FETCH');
    const [quick, waiting] = [await b.open('quick'), await b.open('waiting')];
    await store(b.talk, job({ queue }));
    expect(await quick.ask(`FETCH ${queue}`)).toBe(CLOSED);
    waiting.send(`FETCH ${queue}`);
    await until(() => b.faktory.counts().waiting === 1);
    await store(b.talk, job({ queue }));
    expect(await waiting.reply()).toBe(CLOSED);
    expect(b.faktory.counts()).toMatchObject({ working: 2, enqueued: 0, workers: 0, waiting: 0 });
  });

  it('of FETCH are never those without a job', async () => {
    const clock = new ManualClock();
    await using b = await bed({ clock });
    b.faktory.faults.dropReplies(1, 'FETCH');
    b.talk.send(`FETCH ${newQueue()}`);
    await until(() => b.faktory.counts().waiting === 1);
    clock.advance(2000);
    expect(await b.talk.reply()).toBe(null);
  });
});

describe('refused connections', () => {
  it('are reset, while old ones go on', async () => {
    await using b = await bed();
    b.faktory.faults.refuseConnections();
    expect(await b.silent().reply()).toBe(CLOSED);
    await store(b.talk, job());
    b.faktory.faults.refuseConnections(false);
    await b.open();
    expect(b.faktory.counts().connections).toBe(2);
  });
});

describe('a frozen Faktory', () => {
  it('answers nothing, and everything when it is thawed, new connections too', async () => {
    await using b = await bed();
    const queue = newQueue();
    const waiting = await b.open('w1');
    waiting.send(`FETCH ${queue}`);
    await until(() => b.faktory.counts().waiting === 1);
    b.faktory.faults.freeze();
    b.faktory.faults.freeze();
    b.talk.send(`PUSHB [${job({ queue })}]`);
    const late = b.silent();
    const replies = Promise.all([b.talk.reply(), late.reply(), waiting.reply()]);
    const first = await Promise.race([replies, new Promise((resolve) => setImmediate(resolve, 'nothing'))]);
    expect(first).toBe('nothing');
    b.faktory.faults.thaw();
    const [pushed, hi, fetched] = await replies;
    expect(pushed).toBe('bulk {}');
    expect(hi).toBe('+HI {"v":2}');
    expect(fetched).toContain(queue);
  });

  it('stops', async () => {
    const b = await bed();
    b.faktory.faults.freeze();
    const late = b.silent();
    b.talk.send('INFO');
    await b.faktory.stop();
    expect(await b.talk.reply()).toBe(CLOSED);
    expect(await late.reply()).toBe(CLOSED);
  });

  it('knows of those who left meanwhile', async () => {
    await using b = await bed();
    const left = await b.open('w1');
    b.faktory.faults.freeze();
    await left[Symbol.asyncDispose]();
    b.faktory.faults.thaw();
    await until(() => b.faktory.counts().workers === 0);
  });
});

describe('a cut', () => {
  it('ends every connection; new ones are taken', async () => {
    await using b = await bed();
    const worker = await b.open('w1');
    const silent = b.silent();
    await silent.reply();
    b.faktory.faults.cut();
    for (const talk of [b.talk, worker, silent]) expect(await talk.reply()).toBe(CLOSED);
    expect(b.faktory.counts()).toMatchObject({ connections: 0, workers: 0 });
    await b.open();
  });
});

describe('refused jobs', () => {
  it('get their own error, by PUSH and in the map of PUSHB; others are stored', async () => {
    await using b = await bed();
    b.faktory.faults.refuseJobs('mail');
    b.faktory.faults.refuseJobs('report', 'boom');
    const [mail, report] = [job({ jobtype: 'mail', jid: 'jid-mail-1' }), job({ jobtype: 'report' })];
    expect(await b.talk.ask(`PUSH ${mail}`)).toBe('-ERR NOTUNIQUE Job has already been enqueued');
    expect(await b.talk.ask(`PUSH ${report}`)).toBe('-ERR boom');
    expect(await b.talk.json(`PUSHB [${mail},${job()}]`)).toEqual({
      'jid-mail-1': 'NOTUNIQUE Job has already been enqueued',
    });
    expect(b.faktory.counts().enqueued).toBe(1);
    b.faktory.faults.refuseJobs('mail', null);
    await store(b.talk, mail);
  });
});

describe('clear', () => {
  it('puts everything back', async () => {
    await using b = await quirky({ lostFail: true });
    const { faults } = b.faktory;
    faults.dropReplies(3);
    faults.refuseJobs('suite');
    faults.refuseConnections();
    faults.freeze();
    faults.clear();
    expect(faults.quirks).toEqual({});
    await store(await b.open(), job());
  });
});

describe('quirks', () => {
  it('are off until they are asked for', async () => {
    await using b = await bed();
    expect(b.faktory.faults.quirks).toEqual({});
  });

  it('lostFail: the first FAIL is an error, the second knows no job, and it is in no set', async () => {
    await using b = await quirky({ lostFail: true });
    const { jid } = await hold(b.talk);
    expect(await b.talk.ask(`FAIL {"jid":"${jid}"}`)).toBe('-ERR context deadline exceeded');
    expect(await b.talk.ask(`FAIL {"jid":"${jid}"}`)).toBe(`-ERR Job not found ${jid}`);
    expect((await info(b.talk)).faktory.sets).toEqual({ working: 0, retries: 0, dead: 0, scheduled: 0 });
  });

  it('strandsClosed: FETCHes of a closed connection go on taking jobs, one after another', async () => {
    await using b = await quirky({ strandsClosed: true });
    const queue = newQueue();
    const [cut, closed] = [await b.open('cut'), await b.open('closed')];
    cut.write(`FETCH ${queue}\r\n`.repeat(3));
    await until(() => b.faktory.counts().waiting === 1);
    await cut[Symbol.asyncDispose]();
    closed.write(`FETCH ${queue}\r\n`.repeat(2));
    await until(() => b.faktory.counts().waiting === 2);
    const gone = closed.close();
    for (let i = 0; i < 6; i++) await store(b.talk, job({ queue }));
    await until(() => b.faktory.counts().working === 5);
    expect(b.faktory.counts()).toMatchObject({ enqueued: 1, waiting: 0 });
    await until(() => b.faktory.counts().connections === 1);
    await gone;
  });

  it('strandsClosed: what nobody pushes to is waited out', async () => {
    const clock = new ManualClock();
    await using b = await bed({ clock, quirks: { strandsClosed: true } });
    const cut = await b.open('cut');
    cut.write(`FETCH ${newQueue()}\r\n`.repeat(3));
    await until(() => b.faktory.counts().waiting === 1);
    await cut[Symbol.asyncDispose]();
    for (let i = 0; i < 3; i++) {
      await until(() => b.faktory.counts().waiting === 1);
      clock.advance(2000);
    }
    await until(() => b.faktory.counts().connections === 1);
    expect(b.faktory.counts()).toMatchObject({ waiting: 0, workers: 0 });
  });

  it('quietFirstConnectionOnly: other connections of the worker get jobs', async () => {
    await using b = await quirky({ quietFirstConnectionOnly: true });
    const queue = newQueue();
    const [first, second] = [await b.open('w1'), await b.open('w1')];
    await first.ask('BEAT {"wid":"w1","current_state":"quiet"}');
    await store(b.talk, job({ queue }));
    expect(await first.ask(`FETCH ${queue}`)).toBe(null);
    expect(await second.ask(`FETCH ${queue}`)).toContain(queue);
  });
});
