import { describe, expect, it } from 'vitest';
import { batchRules } from '../../../src/worker/batches/batch-options.ts';
import { Gatherer } from '../../../src/worker/batches/gatherer.ts';
import { HeldBatch } from '../../../src/worker/batches/held-batch.ts';
import { Credits } from '../../../src/worker/credits.ts';
import { HeldJob } from '../../../src/worker/held-job.ts';
import { leaseOf } from '../../../src/worker/lease.ts';

const LONG_MS = 2_000;
const moment = (at: number) => ({ steady: at, wall: at });

const credits = new Credits();
credits.limit('points', Number.POSITIVE_INFINITY);

/** A job that came at `at` ms. */
function job(
  n: number,
  at: number,
  { reserveFor = 1_800, jid = `job-number-${n}`, custom = {} } = {},
): HeldJob {
  const payload = { jid, jobtype: 'point', args: [n], queue: 'points', custom };
  return new HeldJob(payload, leaseOf(reserveFor, at, moment(at)), at, credits.charge(['points']));
}

/** Batches of ten, two at once, so that there is room for 40 jobs. */
function gatherer(concurrency = 2): Gatherer {
  return new Gatherer(() => {}, batchRules('point', { maxSize: 10, maxDelayMs: 100, concurrency }, 5));
}

function add(to: Gatherer, count: number, at: number, options: Parameters<typeof job>[2] = {}): void {
  for (let n = 0; n < count; n += 1) to.row.add(job(n, at, options));
}

/** A batch that has asked, as many as may. */
function asked(by: Gatherer, now: number): HeldBatch[] {
  const batches: HeldBatch[] = [];
  while (by.mayAsk(now)) {
    by.onAsk();
    batches.push(new HeldBatch({ jobtype: 'point', queue: 'points' }, now, () => {}));
  }
  return batches;
}

function start(by: Gatherer, batch: HeldBatch, now: number): HeldBatch {
  batch.moveTo('running');
  batch.startedAt = now;
  const items = by.onStart();
  by.onBegun(items);
  batch.hold(items);
  return batch;
}

describe('the room of a batch handler', () => {
  it('is what runs, what may start, and as many jobs again', () => {
    const each = gatherer();
    expect(each.roomWith(5)).toBe(40);
    add(each, 25, 0);
    const [one, two] = asked(each, 0);
    start(each, one!, 0);
    // 10 run, another 10 may start, and 20 wait for those.
    expect(each.roomWith(4)).toBe(40);
    start(each, two!, 0);
    expect(each.roomWith(3)).toBe(40);
  });

  it('counts what runs as it is where batches are not full', () => {
    const each = gatherer();
    add(each, 3, 0);
    start(each, asked(each, 100)[0]!, 100);
    expect(each.roomWith(4)).toBe(3 + 10 + 20);
  });

  it('is one batch while others have all slots, and what waits beside one that runs', () => {
    const each = gatherer(5);
    expect(each.roomWith(0)).toBe(10);
    expect(each.roomWith(1)).toBe(10 + 50);
    add(each, 10, 0);
    start(each, asked(each, 0)[0]!, 0);
    expect(each.roomWith(0)).toBe(10 + 10 + 50);
  });

  it('is nothing beyond what may start after a batch that took long, and is again after one that did not', () => {
    const each = gatherer(1);
    expect(each.roomWith(5)).toBe(20);
    add(each, 10, 0);
    const slow = start(each, asked(each, 0)[0]!, 0);
    each.onLeft(slow, LONG_MS + 1, LONG_MS);
    expect(each.roomWith(5)).toBe(10);
    add(each, 10, 3_000);
    const quick = start(each, asked(each, 3_000)[0]!, 3_000);
    expect(each.roomWith(4)).toBe(10);
    each.onLeft(quick, 3_000 + LONG_MS, LONG_MS);
    expect(each.roomWith(5)).toBe(20);
  });

  it('does not count jobs for which no credit is charged', () => {
    const each = gatherer();
    const { job: payload, lease } = job(0, 0);
    each.row.add(new HeldJob(payload, lease, 0));
    start(each, asked(each, 100)[0]!, 100);
    expect(each.roomWith(4)).toBe(0 + 10 + 20);
  });
});

describe('what waits in vain', () => {
  it('is handed back once nothing could start for long, and no others are held until something starts', () => {
    const each = gatherer(1);
    add(each, 15, 0);
    const [running] = asked(each, 0);
    start(each, running!, 0);
    add(each, 10, 0);
    asked(each, 0);
    expect(each.takeStale(moment(LONG_MS), LONG_MS)).toEqual([]);
    expect(each.takeStale(moment(LONG_MS + 1), LONG_MS)).toHaveLength(15);
    expect(each.row.size).toBe(0);
    expect(each.roomWith(4)).toBe(10);
    each.onLeft(running!, 40_000, LONG_MS);
    expect(each.roomWith(4)).toBe(10);
    add(each, 10, 40_000);
    start(each, asked(each, 40_000)[0]!, 40_000);
    expect(each.roomWith(4)).toBe(10);
  });

  it('is handed back where others have all slots; a slot that comes free shows that there is room again', () => {
    const each = gatherer();
    add(each, 10, 0);
    const [waiting] = asked(each, 0);
    expect(each.takeStale(moment(LONG_MS + 1), LONG_MS)).toHaveLength(10);
    expect(each.roomWith(0)).toBe(0);
    start(each, waiting!, 5_000);
    each.onLeft(waiting!, 5_000, LONG_MS);
    expect(each.roomWith(1)).toBe(30);
  });

  it('is not what waits for the rest of its batch, nor while batches start', () => {
    const each = gatherer(1);
    add(each, 5, 0);
    expect(each.mayAsk(99)).toBe(false);
    expect(each.takeStale(moment(60_000), LONG_MS)).toEqual([]);
    add(each, 25, 0);
    start(each, asked(each, 3_000)[0]!, 3_000);
    each.mayAsk(3_001);
    // It is due since 3,001, whenever its jobs came.
    expect(each.takeStale(moment(5_001), LONG_MS)).toEqual([]);
    expect(each.takeStale(moment(5_002), LONG_MS)).toHaveLength(20);
  });

  it('is not a copy, which has nowhere better to be, nor what no copy can stand for', () => {
    const each = gatherer(1);
    add(each, 10, 0, { jid: 'job-number-0.1-00aa' });
    add(each, 10, 0, { custom: { bid: 'b-1' } });
    asked(each, 0);
    expect(each.takeStale(moment(60_000), LONG_MS)).toEqual([]);
    expect(each.roomWith(5)).toBe(20);
  });

  it('is, whatever it is, what has waited for a quarter of its reservation', () => {
    const each = gatherer(1);
    add(each, 1, 0, { jid: 'job-number-0.1-00aa', reserveFor: 60 });
    add(each, 1, 0);
    expect(each.takeStale(moment(14_999), LONG_MS)).toEqual([]);
    expect(each.takeStale(moment(15_000), LONG_MS).map(({ job: { args } }) => args)).toEqual([[0]]);
    expect(each.row.size).toBe(1);
  });

  it('is what a shared queue brings beyond the room, though batches start', () => {
    const each = gatherer(2);
    add(each, 60, 0);
    const [one, two] = asked(each, 0);
    start(each, one!, 0);
    start(each, two!, 1_000);
    add(each, 30, 1_001);
    expect(each.row.size).toBe(70);
    each.onLeft(one!, 2_500, LONG_MS);
    start(each, asked(each, 2_500)[0]!, 2_500);
    each.mayAsk(2_500);
    expect(each.takeStale(moment(3_001), LONG_MS)).toEqual([]);
    // Of 60 the last 20 are more than there is room for.
    expect(each.takeStale(moment(3_002), LONG_MS)).toHaveLength(20);
    expect(each.row.size).toBe(40);
  });
});
