import { describe, expect, it } from 'vitest';
import { SILENT } from '../../../src/logger.ts';
import type { Epoch, Place } from '../../../src/partitions/coordinator.ts';
import { MemoryCoordinator } from '../../../src/partitions/memory-coordinator.ts';
import { withStamp } from '../../../src/partitions/stamp.ts';
import { HeldJob } from '../../../src/worker/held-job.ts';
import { type Moment, nowOnBothClocks } from '../../../src/worker/lease.ts';
import { OwnedPartition } from '../../../src/worker/partitions/owned-partition.ts';
import { fixedLease } from '../../../src/worker/partitions/partition-lease.ts';
import { Pulse } from '../../../src/worker/partitions/pulse.ts';
import type { Surroundings } from '../../../src/worker/partitions/surroundings.ts';
import { until } from '../../helpers/until.ts';

const EPOCH: Epoch = { epoch: 5, first: 1 };
/** Of a job so large that a partition with a gap holds 16 of them. */
const LARGE = 2 * 1024 * 1024;

/** A partition that is told by hand what comes of Faktory; what it asks of its worker is written down. */
function setUp({ isNumbered = true, largestBytes = 100 } = {}) {
  const seen = { toSlot: [] as number[], handedBack: [] as number[], acked: [] as number[], asked: 0 };
  const scene = { lives: true, checkpoint: async (_place: Place) => true };
  const numbers = new Map<HeldJob, number>();
  const write = (list: number[]) => (held: HeldJob) => void list.push(numbers.get(held)!);
  const around: Surroundings = {
    logger: SILENT,
    pulse: new Pulse(),
    askEpochs: () => {
      seen.asked += 1;
    },
    policyOf: () => undefined,
    roundTripMs: () => 1,
    largestBytes: () => largestBytes,
    onRoom: () => {},
    toSlot: write(seen.toSlot),
    ack: write(seen.acked),
    giveBack: (held) => {
      seen.handedBack.push(numbers.get(held)!);
      held.keeper?.onGone(held);
    },
    onFailed: () => {},
    fail: () => {},
    exhaust: () => {},
  };
  const partition = new OwnedPartition({
    queue: 'q',
    name: 'q.0',
    lease: {
      ...fixedLease(0, () => {}),
      place: isNumbered ? { ...EPOCH, next: 1, open: [] } : undefined,
      epochs: isNumbered ? [EPOCH] : [],
      get lives() {
        return scene.lives;
      },
      checkpoint: (place) => scene.checkpoint(place),
    },
    coordinator: new MemoryCoordinator({ queue: 'q', partitions: 1, ttlMs: 60_000 }),
    rules: {
      shared: { count: 1, keptBy: undefined },
      perPod: 1,
      onGap: 'wait',
      onExhausted: 'dead',
      concurrency: 1,
      queues: ['q'],
      ordinal: undefined,
    } as never,
    around,
  });
  const takeAt = (number: number, now: Moment, isStamped = true): HeldJob => {
    const custom = isStamped ? withStamp(undefined, { epoch: EPOCH.epoch, number, key: 'k' }) : undefined;
    const job = { jid: `${number}`, jobtype: 'run', queue: 'q.0', args: [], ...(custom && { custom }) };
    const lease = { startSteady: now.steady, startWall: now.wall, reserveMs: 60_000 };
    const held = new HeldJob(job, lease, now.steady);
    numbers.set(held, number);
    partition.take(held, now);
    return held;
  };
  const take = (number: number, isStamped = true): HeldJob => takeAt(number, nowOnBothClocks(), isStamped);
  return { partition, scene, seen, take };
}

const later = (ms: number): Moment => {
  const { steady, wall } = nowOnBothClocks();
  return { steady: steady + ms, wall: wall + ms };
};

/** Its handler runs, and ends well. */
function run(held: HeldJob): void {
  held.keeper!.starts(held);
  held.keeper!.onDone(held);
  held.keeper!.onHandlerEnd(held);
}

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe('a partition whose next job is missing', () => {
  it('hands back what waits before its reservation is over, and not sooner; nearest first', () => {
    const { partition, seen, take } = setUp();
    for (const number of [4, 2, 3]) take(number);
    partition.sweep(later(43_000));
    expect(seen.handedBack).toEqual([]);
    partition.sweep(later(44_100));
    expect([seen.handedBack, partition.held]).toEqual([[2, 3, 4], 0]);
  });

  it('hands those back that are furthest from their turn as soon as no more may be held', () => {
    const { partition, seen, take } = setUp({ largestBytes: LARGE });
    for (const number of range(2, 15).reverse()) take(number);
    expect(seen.handedBack).toEqual([]);
    take(16);
    expect([seen.handedBack, partition.held]).toEqual([[15, 16], 13]);
    // Until what was handed back comes again.
    for (const number of range(17, 20)) take(number);
    expect([seen.handedBack, partition.held]).toEqual([[15, 16, 17, 18, 19, 20], 13]);
  });

  it('rests once it has seen all that lies in the queue, and looks again', () => {
    const { partition, seen, take } = setUp({ largestBytes: LARGE });
    for (const number of range(2, 16)) take(number);
    for (const number of [15, 16, 17]) take(number);
    expect([seen.handedBack, partition.held]).toEqual([[15, 16], 16]);
    partition.sweep(later(9_000));
    expect(partition.held).toBe(16);
    partition.sweep(later(10_100));
    expect([seen.handedBack, partition.held]).toEqual([[15, 16, 16, 17], 14]);
  });

  it('makes no room once it leaves, and hands all back when nothing of it runs', () => {
    const { partition, seen, take } = setUp({ largestBytes: LARGE });
    partition.leave();
    for (const number of range(2, 16)) take(number);
    expect(seen.handedBack).toEqual([]);
    const first = take(1);
    partition.giveBackStuck();
    expect([seen.toSlot, seen.handedBack]).toEqual([[1], []]);
    run(first);
    expect(partition.held).toBe(14);
  });
});

describe('a partition', () => {
  it('that leaves hands back what waits for a missing one, as soon as nothing of it runs', () => {
    const { partition, seen, take } = setUp();
    const first = take(1);
    take(3);
    partition.leave();
    partition.giveBackStuck();
    expect(seen.handedBack).toEqual([]);
    run(first);
    partition.giveBackStuck();
    expect([seen.handedBack, partition.held]).toEqual([[3], 0]);
  });

  it('whose lease is over hands back what still comes', () => {
    const { partition, scene, seen, take } = setUp();
    scene.lives = false;
    take(1);
    expect([seen.handedBack, partition.held]).toEqual([[1], 0]);
    scene.lives = true;
    partition.end();
    take(2);
    expect([seen.handedBack, partition.held, seen.toSlot]).toEqual([[1, 2], 0, []]);
  });

  it('is idle once what was done is stored', async () => {
    const { partition, scene, seen, take } = setUp();
    let store = (): void => {};
    scene.checkpoint = () => new Promise((resolve) => (store = () => resolve(true)));
    run(take(1));
    expect([partition.held, partition.isAtRest, partition.idle]).toEqual([0, true, false]);
    await until(() => {
      store();
      return seen.acked.length === 1;
    });
    expect(partition.idle).toBe(true);
  });
});

describe('a partition whose numbers were lost', () => {
  it('starts nothing before it knows whether they have begun, and then runs what comes as it comes', () => {
    const { partition, seen, take } = setUp({ isNumbered: false });
    const first = take(7);
    expect([seen.asked, seen.toSlot]).toEqual([1, []]);
    partition.begin([]);
    expect(seen.toSlot).toEqual([7]);
    run(first);
    take(3);
    expect(seen.toSlot).toEqual([7, 3]);
  });

  it('begins the new ones when nothing runs any more that was started without', async () => {
    const { partition, seen, take } = setUp({ isNumbered: false });
    const without = take(100, false);
    take(2);
    partition.begin([EPOCH]);
    const first = take(1);
    expect([seen.toSlot, partition.isNumbered]).toEqual([[100], false]);
    run(without);
    expect([seen.toSlot, partition.isNumbered]).toEqual([[100, 1], true]);
    run(first);
    await until(() => seen.toSlot.length === 3);
    expect(seen.toSlot).toEqual([100, 1, 2]);
  });
});
