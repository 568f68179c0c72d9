import { describe, expect, it } from 'vitest';
import { until } from '../helpers/until.ts';
import { DAY, Kit, MINUTE, SECOND } from './kit.ts';

describe('the clock of Faktory', () => {
  it('brings scheduled jobs to the millisecond', async () => {
    await using kit = await Kit.start();
    const { faktory, client } = kit;
    const start = faktory.clock.now();
    await client.push({ jobtype: 'soon', at: new Date(start + 3 * DAY) });
    faktory.clock.advance(3 * DAY - MINUTE);
    expect(faktory.jobs({ state: 'scheduled' }).length).toBe(1);
    faktory.clock.advance(MINUTE);
    expect(faktory.jobs({ state: 'enqueued' }).length).toBe(1);
    expect(Date.parse(faktory.jobs()[0]!.enqueued_at!)).toBeGreaterThanOrEqual(start + 3 * DAY);
  });

  it('flows by itself', async () => {
    await using kit = await Kit.start();
    await kit.client.push({ jobtype: 'soon', at: new Date(kit.faktory.clock.now() + 20) });
    await until(() => kit.faktory.jobs({ state: 'enqueued' }).length === 1);
  });

  it('takes a job through all its retries into Dead', async () => {
    await using kit = await Kit.start();
    const { faktory, client } = kit;
    let runs = 0;
    const worker = kit.worker();
    worker.register('fails', () => {
      runs += 1;
      throw new Error(`the ${runs}. time`);
    });
    await worker.work();
    await client.push({ jobtype: 'fails', retry: 3 });
    await faktory.drain();
    for (let retries = 1; retries <= 3; retries += 1) {
      expect(faktory.jobs({ state: 'retries' }).length).toBe(1);
      faktory.clock.advance(DAY);
      await faktory.drain();
      expect(runs).toBe(1 + retries);
    }
    expect(faktory.jobs({ state: 'dead' })[0]!.failure).toMatchObject({
      message: 'the 4. time',
      retry_count: 3,
      remaining: 0,
    });
    faktory.clock.advance(180 * DAY);
    expect(faktory.jobs()).toEqual([]);
  });

  it('ends reservations: a job that is held too long is given out again', async () => {
    await using kit = await Kit.start();
    const { faktory, client } = kit;
    let runs = 0;
    let release = (): void => {};
    const worker = kit.worker().register('slow', () => {
      runs += 1;
      return runs === 1 ? new Promise<void>((resolve) => (release = resolve)) : undefined;
    });
    await worker.work();
    await client.push({ jobtype: 'slow', reserve_for: 60 });
    await until(() => runs === 1);
    faktory.clock.advance(MINUTE);
    expect(faktory.jobs({ state: 'retries' })[0]!.failure!.errtype).toBe('ReservationExpired');
    faktory.clock.advance(MINUTE);
    await faktory.drain();
    expect(runs).toBe(2);
    release();
    await until(() => worker.stats().done === 2);
  });

  it('leaves workers and lanes alone that are connected', async () => {
    await using kit = await Kit.start();
    const { faktory, client } = kit;
    const seen: unknown[] = [];
    const worker = kit.worker().register('note', (what) => seen.push(what));
    const errors: unknown[] = [];
    worker.on('error', (error) => errors.push(error));
    await worker.work();
    for (let day = 0; day < 10; day += 1) {
      faktory.clock.advance(DAY);
      await client.push({ jobtype: 'note', args: [day] });
      await faktory.drain();
    }
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(errors).toEqual([]);
    expect(worker.state).toBe('running');
    expect(worker.connected).toBe(true);
  });

  it('gives up workers whose beats are said to be lost; they come back', async () => {
    await using kit = await Kit.start();
    const { faktory, client } = kit;
    const seen: unknown[] = [];
    const lost: unknown[] = [];
    const worker = kit.worker().register('note', (what) => seen.push(what));
    worker.on('error', (error) => lost.push(error.code));
    await worker.work();
    faktory.clock.advance(61 * SECOND, { beats: false });
    await until(() => lost.length > 0);
    await client.push({ jobtype: 'note', args: ['after'] });
    await faktory.drain();
    expect(seen).toEqual(['after']);
  });

  it('gives up workers while Faktory is frozen', async () => {
    await using kit = await Kit.start();
    const lost: unknown[] = [];
    const worker = kit.worker();
    worker.on('error', (error) => lost.push(error.code));
    await worker.work();
    kit.faktory.faults.freeze();
    kit.faktory.clock.advance(2 * MINUTE);
    await until(() => lost.length > 0);
    kit.faktory.faults.thaw();
    await until(() => worker.connected);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('does not move on by %s', async (ms) => {
    await using kit = await Kit.start();
    expect(() => kit.faktory.clock.advance(ms)).toThrow(RangeError);
  });
});
