import { expect, it } from 'vitest';
import { type Delivered, job, newJid, newQueue, store } from './jobs.ts';
import { BULK } from './raw-client.ts';
import type { Bench } from './suite.ts';

export function fetchCases(bench: Bench): void {
  it('wants a queue', async () => {
    const talk = await bench.talk();
    expect(await talk.ask('FETCH')).toBe('-ERR must call fetch with at least one queue');
  });

  it('delivers the oldest of the first queue that has one', async () => {
    const talk = await bench.talk();
    const [high, low] = [newQueue(), newQueue()];
    await store(talk, job({ queue: low, args: [3] }), job({ queue: low, args: [4] }));
    await store(talk, job({ queue: high, args: [1] }), job({ queue: high, args: [2] }));
    const args: unknown[] = [];
    for (let i = 0; i < 4; i++)
      args.push((await talk.json<Delivered>(`FETCH ${newQueue()} ${high} ${low}`)).args[0]);
    expect(args).toEqual([1, 2, 3, 4]);
  });

  it('answers null after about two seconds without a job, and holds up its own connection only', async () => {
    const [idle, bad, paused] = [await bench.talk(), await bench.talk(), await bench.talk()];
    const busy = await bench.talk();
    const queue = newQueue();
    await store(busy, job({ queue }));
    await busy.ask(`QUEUE PAUSE ${queue}`);
    paused.send(`FETCH ${queue}`);
    idle.write(`FETCH ${newQueue()} ${newQueue()}\r\nFOO\r\n`);
    bad.send('FETCH a/b  ');
    expect(await busy.ask('FOO')).toBe('-ERR unknown command FOO');
    expect(await idle.reply()).toBe(null);
    expect(await idle.reply()).toBe('-ERR unknown command FOO');
    expect(await bad.reply()).toBe(null);
    expect(await paused.reply()).toBe(null);
    await busy.ask(`QUEUE RESUME ${queue}`);
  });

  it('is woken by a push, into any of its queues', async () => {
    const [talk, pusher] = [await bench.talk(), await bench.talk()];
    for (const at of [0, 1, 2]) {
      const queues = [newQueue(), newQueue(), newQueue()];
      talk.send(`FETCH ${queues.join(' ')}`);
      await store(pusher, job({ queue: queues[at], args: [at] }));
      expect(await talk.reply()).toContain(`"args":[${at}]`);
    }
  });

  it('serves several FETCHes of one connection one after another', async () => {
    const [talk, pusher] = [await bench.talk(), await bench.talk()];
    const queue = newQueue();
    talk.write(`FETCH ${queue}\r\n`.repeat(4));
    await store(pusher, ...[1, 2, 3, 4].map((n) => job({ queue, args: [n] })));
    const jobs = await Promise.all([talk.reply(), talk.reply(), talk.reply(), talk.reply()]);
    expect(jobs.map((text) => (JSON.parse(String(text).slice(BULK.length)) as Delivered).args[0])).toEqual([
      1, 2, 3, 4,
    ]);
  });

  it('gives each job to one only', async () => {
    const queue = newQueue();
    const pusher = await bench.talk();
    const talks = await Promise.all([bench.talk('w1'), bench.talk('w1'), bench.talk('w2')]);
    for (const talk of talks) talk.send(`FETCH ${queue}`);
    const jids = [newJid(), newJid(), newJid()];
    await store(pusher, ...jids.map((jid) => job({ queue, jid })));
    const replies = await Promise.all(talks.map((talk) => talk.reply()));
    const got = replies.map((text) => (JSON.parse(String(text).slice(BULK.length)) as Delivered).jid);
    expect(got.sort()).toEqual(jids);
  });

  it('gives a connection without a wid jobs as well', async () => {
    const talk = await bench.talk();
    const queue = newQueue();
    await store(talk, job({ queue }));
    expect(await talk.ask(`FETCH ${queue}`)).toContain(queue);
  });
}
