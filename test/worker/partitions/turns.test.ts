import { afterEach, describe, expect, it, vi } from 'vitest';
import { SILENT } from '../../../src/logger.ts';
import type { Place } from '../../../src/partitions/coordinator.ts';
import { NO_RANGES } from '../../../src/partitions/ranges.ts';
import { Sequence } from '../../../src/partitions/sequence.ts';
import { withStamp } from '../../../src/partitions/stamp.ts';
import type { JobFailure, JobPayload } from '../../../src/protocol/job.ts';
import { Unrecoverable } from '../../../src/unrecoverable.ts';
import type { ExhaustEnd } from '../../../src/worker/exhausted.ts';
import { HeldJob } from '../../../src/worker/held-job.ts';
import { nowOnBothClocks } from '../../../src/worker/lease.ts';
import { Checkpoints } from '../../../src/worker/partitions/checkpoints.ts';
import { fixedLease } from '../../../src/worker/partitions/partition-lease.ts';
import { Pulse } from '../../../src/worker/partitions/pulse.ts';
import type { Surroundings } from '../../../src/worker/partitions/surroundings.ts';
import { Turns } from '../../../src/worker/partitions/turns.ts';
import type { RetryPolicy } from '../../../src/worker/retry.ts';
import { until } from '../../helpers/until.ts';

afterEach(() => void vi.useRealTimers());

const RESERVE_MS = 60_000;
/** No copy can stand for it. */
const TRACKED = { track: 1 };
const never = new Error('never');

interface Scene {
  lives: boolean;
  isOwned: boolean;
  /** Answers what checkpoints are asked, when the test says so; unset: they are stored at once. */
  checkpoint?: (place: Place) => Promise<boolean>;
  policy?: RetryPolicy;
}

/** The turns of one partition; the test is its slots, its Faktory and its Redis. */
function setUp({ concurrency = 1, onExhausted = 'dead' as 'dead' | 'pause' } = {}) {
  const scene: Scene = { lives: true, isOwned: true };
  const slots: HeldJob[] = [];
  const acked: HeldJob[] = [];
  const givenBack: HeldJob[] = [];
  const failed: HeldJob[] = [];
  const exhausted: { held: HeldJob; end(end: ExhaustEnd): void }[] = [];
  const place = { epoch: 5, first: 1, next: 1, open: NO_RANGES };
  const epochs = [{ epoch: 5, first: 1 }];
  const sequence = new Sequence<HeldJob>({ place, epochs, gapWaitMs: 1_000, concurrency });
  const lease = {
    ...fixedLease(0, () => {}),
    get lives() {
      return scene.lives;
    },
    checkpoint: async (said: Place) => scene.checkpoint?.(said) ?? true,
  };
  const pulse = new Pulse();
  const around: Surroundings = {
    logger: SILENT,
    pulse,
    askEpochs: () => {},
    policyOf: () => scene.policy,
    roundTripMs: () => 1,
    largestBytes: () => 0,
    onRoom: () => {},
    toSlot: (held) => slots.push(held),
    ack: (held) => acked.push(held),
    giveBack: (held) => {
      held.keeper?.onGone(held);
      held.moveTo('returning');
      givenBack.push(held);
    },
    onFailed: () => {},
    fail: (held) => failed.push(held),
    exhaust: (held, _thrown, end) => exhausted.push({ held, end }),
  };
  const checkpoints: Checkpoints = new Checkpoints({
    lease,
    logger: SILENT,
    pulse,
    isNumbered: () => true,
    place: () => sequence.place,
    onStored: ({ jobs }) => {
      for (const held of jobs) if (held.state !== 'settled') around.ack(held);
      turns.wake();
      pump();
    },
    onRefused: () => {},
  });
  const turns: Turns = new Turns({
    name: 'q.0',
    partition: { queue: 'q', number: 0, key: undefined, fence: 1 },
    lease,
    around,
    onExhausted,
    checkpoints,
    sequence: () => sequence,
    isOwned: () => scene.isOwned,
    forget: () => {},
    onChange: () => pump(),
  });
  const pump = (): void => {
    for (let turn = sequence.start(0); turn !== undefined; turn = sequence.start(0)) turns.add(turn);
  };
  /** One comes of Faktory; `ageMs`: for so long it was held already. */
  const come = (number: number, job: Partial<JobPayload> = {}, ageMs = 0): HeldJob => {
    const at = { epoch: 5, number };
    const now = nowOnBothClocks();
    const custom = withStamp(job.custom, { ...at, key: 'k' });
    const held = new HeldJob(
      { jid: `job ${number}`, jobtype: 'run', queue: 'q.0', args: [], retry: 3, ...job, custom },
      { startSteady: now.steady - ageMs, startWall: now.wall - ageMs, reserveMs: RESERVE_MS },
      now.steady,
    );
    sequence.offer(at, held, 0);
    pump();
    return held;
  };
  /** The next one in a slot; undefined: there is none, or it may not start. */
  const start = (): HeldJob | undefined => {
    const held = slots.shift();
    if (held?.keeper?.starts(held) !== true) return undefined;
    held.moveTo('running');
    return held;
  };
  const ends = (held: HeldJob | undefined, thrown?: unknown): void => {
    if (thrown === undefined) held!.keeper!.onDone(held!);
    else held!.keeper!.onFailed(held!, thrown);
    held!.keeper!.onHandlerEnd(held!);
  };
  return { scene, slots, acked, givenBack, failed, exhausted, sequence, turns, come, start, ends };
}

const jidsOf = (jobs: readonly HeldJob[]): string[] => jobs.map(({ job }) => job.jid);
const historyOf = (retry_count: number): JobFailure => ({ failed_at: '', retry_count, remaining: 1 });

describe('a turn', () => {
  it('does not begin without the lease, nor does its handler', () => {
    const { scene, slots, givenBack, come, start } = setUp();
    come(1);
    scene.lives = false;
    expect([jidsOf(slots), start()]).toEqual([['job 1'], undefined]);
    const other = setUp();
    other.scene.lives = false;
    other.come(1);
    expect([other.slots, jidsOf(other.givenBack)]).toEqual([[], ['job 1']]);
    expect(givenBack).toEqual([]);
  });

  it('begins once the one before of its key is stored', async () => {
    const { scene, slots, acked, come, start, ends } = setUp();
    let store = (_is: boolean): void => {};
    scene.checkpoint = () =>
      new Promise((resolve) => {
        store = resolve;
      });
    come(1);
    come(2);
    const first = start();
    ends(first);
    expect(slots).toEqual([]);
    store(true);
    await until(() => slots.length === 1);
    expect([jidsOf(acked), jidsOf(slots)]).toEqual([['job 1'], ['job 2']]);
  });

  it('ACKs one delivery of each jid, the newest, and all that came under others', async () => {
    const { acked, come, start, ends } = setUp();
    const older = come(1);
    const running = start();
    const newer = come(1);
    ends(running);
    await until(() => acked.length > 0);
    expect(acked).toEqual([newer]);
    expect(older.state).toBe('settled');
    come(2);
    const second = start();
    const copy = come(2, { jid: 'copy' });
    ends(second);
    await until(() => acked.length === 3);
    expect(acked).toEqual([newer, copy, second]);
  });
});

describe('a job that fails', () => {
  it('is handed back where its next try would begin too late, and waits for it when it comes again', () => {
    vi.useFakeTimers();
    const { slots, givenBack, come, start, ends } = setUp();
    come(1, {}, RESERVE_MS / 2 - 500);
    come(2);
    ends(start(), never);
    expect(givenBack).toMatchObject([{ state: 'returning', job: { failure: { retry_count: 0 } } }]);
    expect(slots).toEqual([]);
    come(1, { jid: 'copy', failure: givenBack[0]!.job.failure! });
    vi.advanceTimersByTime(900);
    expect(slots).toEqual([]);
    vi.advanceTimersByTime(200);
    expect(jidsOf(slots)).toEqual(['copy']);
  });

  it('is handed back while it waits, too, once half of its reservation is over', () => {
    vi.useFakeTimers();
    const { scene, slots, turns, givenBack, come, start, ends } = setUp();
    scene.policy = () => 20_000;
    come(1, {}, 5_000);
    ends(start(), never);
    expect(givenBack).toEqual([]);
    vi.advanceTimersByTime(15_000);
    turns.sweep(nowOnBothClocks());
    expect(givenBack).toEqual([]);
    // A machine that was suspended: no timer has run meanwhile.
    const now = nowOnBothClocks();
    turns.sweep({ ...now, wall: now.wall + 10_000 });
    expect(jidsOf(givenBack)).toEqual(['job 1']);
    const { failure } = givenBack[0]!.job;
    come(1, { jid: 'copy', failure: failure! });
    expect([failure?.retry_count, slots]).toEqual([0, []]);
    vi.advanceTimersByTime(5_000);
    expect(jidsOf(slots)).toEqual(['copy']);
  });

  it('is handed back at once where its partition leaves', () => {
    const { scene, givenBack, come, start, ends } = setUp();
    come(1);
    scene.isOwned = false;
    ends(start(), never);
    expect(givenBack).toHaveLength(1);
  });

  it('and cannot be handed back is FAILed where its next try would begin too late; its tries are known when it comes again', () => {
    vi.useFakeTimers();
    const { slots, givenBack, failed, exhausted, come, start, ends } = setUp();
    come(1, { custom: TRACKED });
    for (const ms of [1_000, 2_000]) {
      ends(start(), never);
      vi.advanceTimersByTime(ms);
    }
    vi.advanceTimersByTime(RESERVE_MS / 2 - 5_000);
    ends(start(), never);
    expect([jidsOf(failed), givenBack]).toEqual([['job 1'], []]);
    vi.advanceTimersByTime(15_000);
    // Faktory has been told of one failure.
    come(1, { custom: TRACKED, failure: historyOf(0) });
    expect(slots[0]!.job.failure?.retry_count).toBe(2);
    ends(start(), never);
    expect(exhausted).toHaveLength(1);
  });
});

describe('a job whose tries are used up', () => {
  it('is no handler that hangs, however long its way to Dead takes', () => {
    vi.useFakeTimers();
    const { turns, slots, exhausted, come, start, ends } = setUp();
    come(1);
    come(2);
    ends(start(), new Unrecoverable('never'));
    const { held, end } = exhausted[0]!;
    held.moveTo('reporting');
    held.moveTo('settled');
    turns.sweep(nowOnBothClocks());
    vi.advanceTimersByTime(60_000);
    expect([turns.isAtRest, turns.size, slots]).toEqual([true, 1, []]);
    end('dead');
    expect(turns.size).toBe(1);
    vi.advanceTimersByTime(60_000);
    turns.sweep(nowOnBothClocks());
    expect(turns.size).toBe(1);
  });

  it('is waited for where it is not in Dead, and tried once more', async () => {
    const { slots, sequence, exhausted, come, start, ends } = setUp();
    come(1, { retry: 1, failure: historyOf(0) });
    come(2);
    ends(start(), never);
    const { held, end } = exhausted[0]!;
    held.moveTo('settled');
    end('back');
    expect([sequence.place.next, slots]).toEqual([1, []]);
    come(1, { retry: 1 });
    expect(jidsOf(slots)).toEqual(['job 1']);
    ends(start(), never);
    expect(exhausted).toHaveLength(2);
  });

  it('is done where a copy goes to Dead: it is ACKed, and what brings its number again is not run', async () => {
    const { slots, acked, sequence, exhausted, come, start, ends } = setUp();
    come(1);
    come(2);
    ends(start(), new Unrecoverable('never'));
    const { held, end } = exhausted[0]!;
    end('copied');
    await until(() => slots.length === 1);
    expect([acked, jidsOf(slots)]).toEqual([[held], ['job 2']]);
    expect(sequence.place).toMatchObject({ next: 2, open: NO_RANGES });
    ends(start());
    await until(() => acked.length === 2);
    expect(sequence.offer({ epoch: 5, number: 1 }, held, 0)).toEqual({ is: 'done' });
  });

  it('is left open where it is in Dead itself: requeued, it runs', async () => {
    const { slots, sequence, exhausted, come, start, ends } = setUp();
    come(1);
    come(2);
    ends(start(), new Unrecoverable('never'));
    const { held, end } = exhausted[0]!;
    held.moveTo('settled');
    end('dead');
    await until(() => slots.length === 1);
    expect(sequence.place).toMatchObject({ next: 2, open: [[1, 1]] });
    ends(start());
    come(1);
    await until(() => slots.length === 1);
    expect(jidsOf(slots)).toEqual(['job 1']);
  });
});

describe('two turns of a key at once', () => {
  it('do not wait for each other where the later one is done and the earlier one fails', async () => {
    const { scene, slots, acked, come, start, ends } = setUp({ concurrency: 2 });
    scene.policy = () => 1;
    come(1);
    come(2);
    const first = start();
    ends(start());
    ends(first, never);
    await until(() => slots.length === 1);
    const again = start()!;
    expect([again.job.jid, again.job.failure?.retry_count]).toEqual(['job 1', 0]);
    ends(again);
    await until(() => acked.length === 2);
    expect(jidsOf(acked).sort()).toEqual(['job 1', 'job 2']);
  });
});
