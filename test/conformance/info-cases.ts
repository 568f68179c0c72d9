import { expect, it } from 'vitest';
import { FUTURE, hold, info, job, newQueue, store, TIME } from './jobs.ts';
import type { Bench } from './suite.ts';

export function infoCases(bench: Bench): void {
  it('INFO has the shape that clients know', async () => {
    const talk = await bench.talk('info-1');
    const task = {
      cycles: expect.any(Number),
      enqueued: expect.any(Number),
      wall_time_sec: expect.any(Number),
    };
    expect(await info(talk)).toEqual({
      now: expect.stringMatching(TIME),
      server_utc_time: expect.stringMatching(/^\d\d:\d\d:\d\d UTC$/),
      faktory: {
        queues: expect.any(Object),
        sets: { dead: 0, retries: 0, scheduled: 0, working: 0 },
        tasks: {
          Busy: { reaped: expect.any(Number), size: expect.any(Number) },
          Dead: { ...task, size: 0 },
          Retries: { ...task, size: 0 },
          Scheduled: { ...task, size: 0 },
          Workers: { reaped: expect.any(Number), size: 1 },
        },
        total_failures: 0,
        total_processed: 0,
        total_enqueued: 0,
        total_queues: expect.any(Number),
      },
      server: {
        description: 'Faktory',
        faktory_version: expect.stringMatching(/^1\.\d+\.\d+$/),
        uptime: expect.any(Number),
        connections: expect.any(Number),
        command_count: expect.any(Number),
        used_memory_mb: expect.any(Number),
      },
    });
  });

  it('INFO counts', async () => {
    const talk = await bench.talk();
    const queue = newQueue();
    await hold(talk);
    const dead = await hold(talk, { retry: -1 });
    const failed = await hold(talk, { retry: 3 });
    for (const { jid } of [dead, failed]) await talk.ask(`FAIL {"jid":"${jid}"}`);
    await store(talk, job({ queue }), job({ queue }), job({ at: FUTURE }));
    const { faktory } = await info(talk);
    expect(faktory).toMatchObject({
      sets: { dead: 1, retries: 1, scheduled: 1, working: 1 },
      total_failures: 2,
      total_processed: 2,
      total_enqueued: 2,
    });
    expect(faktory.queues[queue]).toBe(2);
    expect(faktory.total_queues).toBe(Object.keys(faktory.queues).length);
  });

  it('knows no queue that was only fetched from', async () => {
    const [talk, other] = [await bench.talk(), await bench.talk()];
    const [never, pushed] = [newQueue(), newQueue()];
    talk.send(`FETCH ${never} ${pushed}`);
    await store(other, job({ queue: pushed }));
    await talk.reply();
    const { queues } = (await info(talk)).faktory;
    expect(queues).not.toHaveProperty(never);
    expect(queues[pushed]).toBe(0);
  });

  it('FLUSH empties everything; names of queues stay, and for jobs that are held ACK counts, FAIL does not', async () => {
    const talk = await bench.talk();
    const queue = newQueue();
    const held = [await hold(talk), await hold(talk, { retry: 3 })];
    const failed = await hold(talk, { retry: 3 });
    await talk.ask(`FAIL {"jid":"${failed.jid}"}`);
    await store(talk, job({ queue }), job({ at: FUTURE }));
    expect(await talk.ask('FLUSH')).toBe('+OK');
    const flushed = (await info(talk)).faktory;
    expect(flushed).toMatchObject({
      sets: { dead: 0, retries: 0, scheduled: 0, working: 0 },
      total_failures: 0,
      total_processed: 0,
      total_enqueued: 0,
    });
    expect(flushed.queues[queue]).toBe(0);
    expect(await talk.ask(`ACK {"jid":"${held[0]!.jid}"}`)).toBe('+OK');
    expect(await talk.ask(`FAIL {"jid":"${held[1]!.jid}"}`)).toBe('+OK');
    expect((await info(talk)).faktory).toMatchObject({
      sets: { retries: 0, working: 0 },
      total_failures: 0,
      total_processed: 1,
    });
  });

  it('takes INFO and FLUSH with words behind', async () => {
    const talk = await bench.talk();
    expect(await talk.ask('INFO x')).toMatch(/^bulk \{/);
    expect(await talk.ask('FLUSH x')).toBe('+OK');
  });
}
