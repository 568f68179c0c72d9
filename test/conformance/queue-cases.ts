import { expect, it } from 'vitest';
import { FUTURE, fetchAll, info, job, newQueue, store } from './jobs.ts';
import type { Bench } from './suite.ts';

export function queueCases(bench: Bench): void {
  it('PAUSE holds jobs back, RESUME lets them go', async () => {
    const talk = await bench.talk();
    const [queue, other] = [newQueue(), newQueue()];
    await store(talk, job({ queue }), job({ queue: other }));
    expect(await talk.ask(`QUEUE PAUSE ${queue}`)).toBe('+OK');
    expect(await talk.ask(`FETCH ${queue} ${other}`)).toContain(other);
    await store(talk, job({ queue }));
    expect((await info(talk)).faktory.queues[queue]).toBe(2);
    await store(talk, job({ queue: other }));
    expect(await talk.ask(`FETCH ${queue} ${other}`)).toContain(other);
    expect(await talk.ask(`QUEUE RESUME ${queue}`)).toBe('+OK');
    expect(await fetchAll(talk, queue)).toHaveLength(2);
  });

  it('a FETCH that waited before the PAUSE still gets jobs', async () => {
    const [talk, other] = [await bench.talk(), await bench.talk()];
    const queue = newQueue();
    await store(other, job({ queue }));
    await fetchAll(other, queue);
    talk.write(`FOO\r\nFETCH ${queue}\r\n`);
    await talk.reply();
    await other.ask('INFO');
    await other.ask(`QUEUE PAUSE ${queue}`);
    await store(other, job({ queue }));
    expect(await talk.reply()).toContain(queue);
    await other.ask(`QUEUE RESUME ${queue}`);
  });

  it('PAUSE outlives FLUSH, and * means all', async () => {
    const talk = await bench.talk();
    const queue = newQueue();
    await store(talk, job({ queue }));
    expect(await talk.askAll('QUEUE PAUSE *', 'FLUSH')).toEqual(['+OK', '+OK']);
    const fresh = newQueue();
    await store(talk, job({ queue }), job({ queue: fresh }));
    expect(await talk.ask(`FETCH ${queue} ${fresh}`)).toContain(fresh);
    expect(await talk.ask('QUEUE RESUME *')).toBe('+OK');
    expect(await talk.ask(`FETCH ${queue}`)).toContain(queue);
  });

  it('REMOVE drops jobs, name and pause', async () => {
    const talk = await bench.talk();
    const [queue, other] = [newQueue(), newQueue()];
    await store(talk, job({ queue }), job({ queue: other }));
    await talk.ask(`QUEUE PAUSE ${queue}`);
    expect(await talk.ask(`QUEUE REMOVE ${queue} ${other}`)).toBe('+OK');
    const { queues } = (await info(talk)).faktory;
    expect([queues[queue], queues[other]]).toEqual([undefined, undefined]);
    await store(talk, job({ queue, args: ['new'] }));
    expect(await talk.ask(`FETCH ${queue}`)).toContain('"new"');
  });

  it.each(['PAUSE', 'pause', 'Resume', 'REMOVE'])(
    '%s passes over names that it does not know',
    async (word) => {
      const talk = await bench.talk();
      const queue = newQueue();
      expect(await talk.ask(`QUEUE ${word} ${queue}`)).toBe('+OK');
      await store(talk, job({ queue }));
      expect(await talk.ask(`FETCH ${queue}`)).toContain(queue);
    },
  );

  it('LATENCY tells how long the oldest has waited', async () => {
    const talk = await bench.talk();
    const [queue, empty] = [newQueue(), newQueue()];
    await store(talk, job({ queue }), job({ queue }));
    const latency = await talk.json<Record<string, number>>(`QUEUE latency ${queue} ${empty}`);
    expect(Object.keys(latency).sort()).toEqual([queue, empty].sort());
    expect(latency[empty]).toBe(0);
    expect(latency[queue]).toBeGreaterThanOrEqual(0);
    expect(latency[queue]).toBeLessThan(60);
  });

  it('LATENCY is an error for a job that was never enqueued but by MUTATE', async () => {
    const talk = await bench.talk();
    const queue = newQueue();
    await store(talk, job({ queue, at: FUTURE }));
    await talk.ask('MUTATE {"cmd":"requeue","target":"scheduled"}');
    expect(await talk.ask(`QUEUE LATENCY ${queue}`)).toMatch(/^-ERR QUEUE: parsing time "" as/);
  });

  it('LATENCY of no queue, and of all', async () => {
    const talk = await bench.talk();
    expect(await talk.ask('QUEUE LATENCY')).toBe('bulk {}');
    expect(await talk.ask('QUEUE LATENCY *')).toBe('-ERR QUEUE LATENCY does not support wildcards');
  });

  it('has no other subcommand', async () => {
    const talk = await bench.talk();
    expect(await talk.ask('QUEUE list a')).toBe('-ERR no such QUEUE subcommand: LIST');
  });
}
