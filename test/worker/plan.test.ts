import { describe, expect, it } from 'vitest';
import { classifyReply, FetchPlan, LaneDepth, lanesFor, lanesNeeded } from '../../src/worker/plan.ts';
import { RateMeter } from '../../src/worker/rate-meter.ts';

const now = 0;
const free = { running: 0, ready: 0, outboxFull: false };

describe('classifyReply', () => {
  it('is backlog within a round trip and 5 ms of the write', () => {
    expect(classifyReply({ now: 155, writtenAt: 100, previousReplyAt: 0, roundTripMs: 50 })).toBe('backlog');
    expect(classifyReply({ now: 155.1, writtenAt: 100, previousReplyAt: 0, roundTripMs: 50 })).toBe('waited');
  });

  it('counts from the reply before, since a lane is answered one command after another', () => {
    expect(classifyReply({ now: 400, writtenAt: 100, previousReplyAt: 399, roundTripMs: 1 })).toBe('backlog');
  });
});

describe('LaneDepth', () => {
  it('starts at one, grows with backlog, halves when a reply waited, is one again when none came', () => {
    const depth = new LaneDepth();
    expect(depth.limit).toBe(1);
    for (let i = 0; i < 15; i += 1) depth.onReply('backlog', 100);
    expect(depth.limit).toBe(16);
    depth.onReply('waited', 100);
    expect(depth.limit).toBe(8);
    depth.onReply('empty', 100);
    expect(depth.limit).toBe(1);
    depth.onReply('waited', 100);
    expect(depth.limit).toBe(1);
  });

  it('never passes the most that is of use', () => {
    const depth = new LaneDepth();
    for (let i = 0; i < 50; i += 1) depth.onReply('backlog', 4);
    expect(depth.limit).toBe(4);
  });
});

describe('FetchPlan', () => {
  it('starts with two FETCHes and doubles each round trip while all replies are backlog', () => {
    const plan = new FetchPlan(500, 0);
    plan.onRoundTrip(50);
    const seen = [plan.wanted(free, now)];
    for (let trip = 1; trip <= 9; trip += 1) {
      const outstanding = plan.wanted(free, now);
      for (let i = 0; i < outstanding; i += 1) plan.onReply('backlog', trip * 50);
      seen.push(plan.wanted(free, now));
    }
    expect(seen).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 500, 500]);
  });

  it('wants no more than the free slots, or nothing while the outbox is full', () => {
    const plan = new FetchPlan(10, 0);
    for (let i = 0; i < 100; i += 1) plan.onReply('backlog', i);
    expect(plan.wanted(free, now)).toBe(10);
    expect(plan.wanted({ ...free, running: 7 }, now)).toBe(3);
    expect(plan.wanted({ ...free, running: 7, ready: 2 }, now)).toBe(1);
    expect(plan.wanted({ ...free, running: 10 }, now)).toBe(0);
    expect(plan.wanted({ ...free, running: 12 }, now)).toBe(0);
    expect(plan.wanted({ ...free, outboxFull: true }, now)).toBe(0);
  });

  it('adds the lead to the free slots', () => {
    const plan = new FetchPlan(10, 5);
    for (let i = 0; i < 100; i += 1) plan.onReply('backlog', i);
    expect(plan.wanted(free, now)).toBe(15);
    expect(plan.wanted({ ...free, running: 10 }, now)).toBe(5);
    expect(plan.wanted({ ...free, running: 10, ready: 5 }, now)).toBe(0);
  });

  it.each([undefined, 16_000])(
    'bounds the lead of %s by bytes: 64 MiB over the largest job of late',
    (lead) => {
      const plan = new FetchPlan(10, lead);
      plan.onRoundTrip(200);
      for (let at = 0; at < 2_000; at += 0.02) {
        plan.onStart(at);
        plan.onReply('backlog', at);
      }
      plan.wanted(free, 2_000);
      expect(plan.lead).toBeGreaterThan(10_000);
      plan.onBytes(1024 * 1024);
      plan.wanted(free, 2_000);
      expect(plan.lead).toBe(64);
    },
  );

  it('bounds what it fetches ahead by itself to 16,384', () => {
    const plan = new FetchPlan(10);
    plan.onRoundTrip(900);
    for (let at = 0; at < 10_000; at += 0.02) plan.onStart(at);
    plan.wanted(free, 10_000);
    expect(plan.lead).toBe(16_384);
  });

  it('cuts the lead to what was started when jobs waited too long for a slot, and lets it grow by starts', () => {
    const plan = new FetchPlan(1, 1_000);
    plan.onStart(0);
    plan.onStale();
    plan.wanted(free, 0);
    expect(plan.lead).toBe(1);
    for (let i = 0; i < 500; i += 1) plan.onStart(i);
    plan.wanted(free, 500);
    expect(plan.lead).toBe(501);
    plan.onStale();
    plan.wanted(free, 500);
    expect(plan.lead).toBe(250);
    for (let i = 0; i < 2_000; i += 1) plan.onStart(i);
    plan.wanted(free, 500);
    expect(plan.lead).toBe(1_000);
  });

  it('falls to one FETCH a lane when jobs trickle, and to two when none come', () => {
    const plan = new FetchPlan(500, 0);
    plan.onRoundTrip(50);
    for (let i = 0; i < 400; i += 1) plan.onReply('backlog', 0);
    for (let at = 5_000; at < 15_000; at += 100) plan.onReply('waited', at);
    expect(plan.wanted(free, now)).toBe(8);
    plan.onReply('empty', 20_000);
    expect(plan.wanted(free, now)).toBe(2);
  });

  it('keeps what a high rate needs when one reply waited', () => {
    const plan = new FetchPlan(500, 0);
    plan.onRoundTrip(50);
    // 10,000 jobs/s for a second: 10,000 x 55 ms x 1.25 are 687 in flight, more than there are slots.
    for (let i = 0; i < 10_000; i += 1) plan.onReply('backlog', i / 10);
    plan.onReply('waited', 1_000);
    expect(plan.wanted(free, now)).toBe(500);
  });

  it('keeps every lane busy at a Faktory that takes 30 ms over each FETCH, next door', () => {
    const plan = new FetchPlan(500, 0, 8);
    plan.onRoundTrip(0.2);
    for (let at = 0; at < 10_000; at += 4) plan.onReply('waited', at);
    expect(plan.wanted(free, now)).toBeGreaterThanOrEqual(8);
  });

  it('with one slot wants one', () => {
    const plan = new FetchPlan(1, 0);
    expect(plan.wanted(free, now)).toBe(1);
    plan.onReply('empty', 2_000);
    expect(plan.wanted(free, now)).toBe(1);
  });

  it('bounds unanswered reports by slots and two round trips of jobs, 50,000 at most', () => {
    const plan = new FetchPlan(500, 0);
    plan.onRoundTrip(45);
    expect(plan.outboxLimit(0)).toBe(500);
    for (let i = 0; i < 10_000; i += 1) plan.onReply('backlog', i / 10);
    expect(plan.outboxLimit(1_000)).toBeGreaterThan(1_400);
    expect(plan.outboxLimit(1_000)).toBeLessThan(1_700);
    const huge = new FetchPlan(100_000, 0);
    expect(huge.outboxLimit(0)).toBe(50_000);
  });
});

describe('the plan for batch handlers', () => {
  /** All slots are taken, one of them by a batch. */
  const busy = { running: 10, ready: 0, outboxFull: false, batchesRunning: 1 };

  /** All of whose slots are taken, no lead; so many backlog replies have come since. */
  function planAfter(replies: number, room: number): FetchPlan {
    const plan = new FetchPlan(10, 0, 2);
    plan.onRoundTrip(50);
    plan.allowBatches(room);
    for (let n = 0; n < replies; n += 1) plan.onReply('backlog', 1);
    return plan;
  }

  it('fetches on where all slots are taken, as far as the ceiling goes', () => {
    const plan = planAfter(200, 10_000);
    expect(plan.wanted(busy, 1)).toBe(0);
    expect(plan.wantedOfBatches({ ...busy, gathered: 0 })).toBe(202);
  });

  it('fetches nothing beyond slots that others have taken, until one is free or a batch runs', () => {
    const plan = planAfter(200, 10_000);
    plan.wanted(busy, 1);
    expect(plan.wantedOfBatches({ ...busy, batchesRunning: 0, gathered: 0 })).toBe(0);
    expect(plan.wantedOfBatches({ ...busy, batchesRunning: 0, gathered: 0, running: 9 })).toBe(202);
  });

  it('has a ceiling of what slots and batches have room for', () => {
    expect(planAfter(200, 100).ceiling).toBe(110);
    expect(planAfter(200, 0).ceiling).toBe(10);
  });

  it('fetches nothing beyond while other jobs wait, while reports are stuck, and beyond what is of use', () => {
    const plan = planAfter(200, 10_000);
    plan.wanted(busy, 1);
    expect(plan.wantedOfBatches({ ...busy, ready: 1, gathered: 0 })).toBe(0);
    expect(plan.wantedOfBatches({ ...busy, outboxFull: true, gathered: 0 })).toBe(0);
    expect(plan.wantedOfBatches({ ...busy, gathered: 16_384 })).toBe(0);
    plan.onBytes(1024 * 1024);
    expect(plan.wantedOfBatches({ ...busy, gathered: 63 })).toBe(202);
    expect(plan.wantedOfBatches({ ...busy, gathered: 64 })).toBe(0);
  });

  it('lets so many more reports be unanswered', () => {
    const [without, with1000] = [planAfter(0, 0), planAfter(0, 1_000)];
    expect(with1000.outboxLimit(1) - without.outboxLimit(1)).toBe(1_000);
  });
});

describe('the lanes', () => {
  it('are one for eight FETCHes, two at least', () => {
    expect([0, 2, 16, 17, 50, 1_000].map((fetches) => lanesFor(fetches, 8))).toEqual([2, 2, 2, 3, 7, 8]);
    expect(lanesFor(100, 1)).toBe(1);
  });

  it('that are needed are those whose depths carry the FETCHes', () => {
    expect(lanesNeeded(8, [1, 1, 1, 1, 1, 1, 1, 1])).toBe(8);
    expect(lanesNeeded(2, [1, 1, 1, 1, 1, 1, 1, 1])).toBe(2);
    expect(lanesNeeded(16, [40, 30, 20, 1, 1, 1, 1, 1])).toBe(2);
    expect(lanesNeeded(60, [40, 30, 20, 1, 1, 1, 1, 1])).toBe(8);
    expect(lanesNeeded(0, [])).toBe(0);
  });
});

describe('RateMeter', () => {
  it('is the best of the last ten windows of 100 ms', () => {
    const meter = new RateMeter();
    for (let at = 0; at < 1_000; at += 1) meter.add(at);
    expect(meter.perSecond(1_000)).toBeCloseTo(1_000, -2);
    expect(meter.perSecond(1_500)).toBeCloseTo(1_000, -2);
    expect(meter.perSecond(3_000)).toBe(0);
  });

  it('is nothing before anything came', () => {
    expect(new RateMeter().perSecond(123_456)).toBe(0);
  });
});
