import { describe, expect, it } from 'vitest';
import { FAULTS, type Fault, scheduleOf } from '../../bench/soak/faults.ts';
import {
  latencyOf,
  type MemorySample,
  memoryOf,
  recoveryOf,
  secondsOf,
  slopeOf,
  splitByFaults,
} from '../../bench/soak/figures.ts';
import { account, type Happened, lostWithFaktory, type Posting } from '../../bench/soak/ledger.ts';
import { type Run, runOf } from '../../bench/soak/runs.ts';

describe('the schedule of faults', () => {
  const options = { seed: 1, seconds: 60, everySeconds: 5 };
  const kinds = Object.keys(FAULTS).filter((kind) => kind !== 'faktory-kill');

  it('is the same for the same seed, and another for another', () => {
    expect(scheduleOf(options)).toEqual(scheduleOf(options));
    expect(scheduleOf(options)).not.toEqual(scheduleOf({ ...options, seed: 2 }));
  });

  it('has one fault an interval, and none at the very end', () => {
    const times = scheduleOf(options).map(({ atMs }) => atMs);
    expect(times).toEqual([5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55].map((second) => second * 1_000));
    expect(scheduleOf({ ...options, seconds: 5 })).toEqual([]);
  });

  it('has each kind once before any comes again, and none twice in a row', () => {
    for (let seed = 0; seed < 200; seed += 1) {
      const plan = scheduleOf({ seed, seconds: 151, everySeconds: 5 }).map(({ fault }) => fault);
      for (const from of [0, 10, 20]) expect(plan.slice(from, from + 10).sort()).toEqual([...kinds].sort());
      expect(plan.filter((fault, i) => fault === plan[i - 1])).toEqual([]);
    }
  });

  it('keeps to the kinds that were asked for', () => {
    const plan = scheduleOf({ ...options, only: ['api-stop'] });
    expect(new Set(plan.map(({ fault }) => fault))).toEqual(new Set(['api-stop']));
  });

  it('kills Faktory only when asked to', () => {
    const has = (killFaktory: boolean): boolean =>
      scheduleOf({ ...options, killFaktory }).some(({ fault }) => fault === 'faktory-kill');
    expect([has(false), has(true)]).toEqual([false, true]);
  });
});

describe('the account of jobs', () => {
  const posting = (id: number, state: Posting['state'] = 'accepted', requests = 1): Posting => ({
    id,
    state,
    requests,
    ...(state === 'accepted' ? { jid: `jid-${id}`, acceptedAt: 1_000 + id } : {}),
  });
  const run = (what: Run['what'], id: number, at = 2_000 + id, jid = `jid-${id}`): Run => ({
    ...{ what, id, jid, at },
    pid: 1,
  });
  const ran = (id: number, at?: number): Run[] => [run('start', id, at), run('end', id, at)];
  const none = new Map<number, string>();

  it('counts what was executed, once and twice, and what was lost', () => {
    const runs = [...ran(0), ...ran(0), ...ran(1)];
    const found = account(
      [0, 1, 2].map((id) => posting(id)),
      runs,
      none,
      [],
    );
    expect(found).toMatchObject({ posted: 3, accepted: 3, executed: 2, twice: 1, startedAgain: 1, late: 0 });
    expect(found.lost).toMatchObject([{ id: 2, jid: 'jid-2', starts: [], neighboursRanAt: [2_000, 2_001] }]);
  });

  it('calls a job that began and did not end lost, and one that Faktory still has not', () => {
    const postings = [0, 1, 2].map((id) => posting(id));
    const kept = new Map([
      [0, 'dead'],
      [1, 'retries'],
    ]);
    const found = account(postings, [run('start', 2)], kept, []);
    expect(found).toMatchObject({
      executed: 0,
      dead: 1,
      held: 1,
      lost: [{ id: 2, starts: [{ at: 2_002 }] }],
    });
  });

  it('asks nothing of unknown jobs, and of refused ones that they never ran', () => {
    const postings = [
      posting(0, 'unknown'),
      posting(1, 'unknown'),
      posting(2, 'refused'),
      posting(3, 'refused'),
    ];
    const found = account(postings, [...ran(0), ...ran(2)], none, []);
    expect(found).toMatchObject({
      unknown: 2,
      unknownExecuted: 1,
      refused: 2,
      ghosts: 1,
      lost: [],
      accepted: 0,
    });
  });

  it('finds a job that ran under the jid of a request that was told as not stored', () => {
    const runs = [...ran(0), run('start', 0, 3_000, 'jid-other'), run('end', 0, 3_000, 'jid-other')];
    expect(account([posting(0, 'accepted', 2)], runs, none, [])).toMatchObject({
      ...{ ghosts: 1, twice: 1, retriedJobs: 1 },
    });
  });

  it('does not take a run after a throw for a second one, and tells late ones', () => {
    const runs = [run('start', 0), run('throw', 0), ...ran(0, 31_000), ...ran(1)];
    const found = account([posting(0), posting(1)], runs, none, []);
    expect(found).toMatchObject({
      twice: 0,
      startedAgain: 0,
      jobsThatThrew: 1,
      late: 1,
      lateUnthrown: 0,
      latestMs: 30_000,
    });
  });

  it('says which fault was when a lost job was due, by its neighbours', () => {
    const faults: Happened[] = [
      { fault: 'relay-cut', from: 500, to: 500 },
      { fault: 'faktory-stop', from: 2_400, to: 3_000 },
    ];
    const postings = [0, 1, 2].map((id) => posting(id));
    const { lost } = account(postings, [...ran(0, 2_300), ...ran(2, 2_350)], none, faults);
    expect(lost).toMatchObject([{ id: 1, during: 'faktory-stop' }]);
    expect(lostWithFaktory(lost)).toBe(1);
  });

  it("reads the handlers' lines", () => {
    expect(runOf('end 12 abc 1700000000000 99')).toEqual({
      ...{ what: 'end', id: 12, jid: 'abc', at: 1_700_000_000_000, pid: 99 },
    });
  });
});

describe('figures', () => {
  const fault = (from: number, to: number, kind: Fault = 'relay-cut'): Happened => ({
    fault: kind,
    from,
    to,
  });

  it('has percentiles by rank', () => {
    const answers = Array.from({ length: 100 }, (_, i) => ({ at: 0, ms: 100 - i }));
    expect(latencyOf(answers)).toEqual({ answers: 100, p50: 50, p99: 99, max: 100 });
    expect(latencyOf([])).toEqual({ answers: 0, p50: Number.NaN, p99: Number.NaN, max: Number.NaN });
  });

  it('tells answers that a fault has touched from those that none has', () => {
    const at = (from: number, ms: number) => ({ at: from, ms });
    const answers = [at(0, 10), at(90, 20), at(150, 1), at(1_200, 1), at(1_201, 1)];
    const { outside, inside } = splitByFaults(answers, [fault(100, 200)]);
    expect(outside).toEqual([at(0, 10), at(1_201, 1)]);
    expect(inside).toEqual([at(90, 20), at(150, 1), at(1_200, 1)]);
  });

  it('counts recovery from the end of a fault, and the longest pause from its start', () => {
    expect(recoveryOf(fault(100, 200), [50, 120, 450, 460], 500)).toEqual({
      backInMs: 250,
      longestPauseMs: 330,
    });
    expect(recoveryOf(fault(100, 200), [900], 500)).toEqual({ backInMs: 700, longestPauseMs: 800 });
    expect(recoveryOf(fault(100, 200), [], 500)).toEqual({ backInMs: undefined, longestPauseMs: 400 });
  });

  it('follows answers and executions second by second', () => {
    const answers = [-500, 100, 900, 2_500].map((at) => ({ at, ms: 5 }));
    expect(secondsOf(answers, [950, 1_500, 2_000, 2_999], 0)).toMatchObject([
      { second: -1, answers: 1, executed: 0 },
      { second: 0, answers: 2, executed: 1 },
      { second: 2, answers: 1, executed: 2 },
    ]);
  });

  it('fits a line through memory', () => {
    const sample = (at: number, mb: number): MemorySample => ({ at, mb, role: 'api', pid: 1 });
    expect(slopeOf([0, 1, 2].map((minute) => sample(minute * 60_000, 100 + minute * 3)))).toBeCloseTo(3);
    expect(slopeOf([sample(0, 1)])).toBeNaN();
  });

  it('compares memory before and at the end, whichever process has the role', () => {
    const samples = Array.from({ length: 60 }, (_, second): MemorySample[] => [
      { at: second * 1_000, role: 'api', pid: second < 30 ? 1 : 2, mb: second < 30 ? 100 : 119 },
      { at: second * 1_000, role: 'redis', pid: 3, mb: 10 + second },
    ]).flat();
    const [api, redis] = memoryOf(samples, { warmAt: 10_000, endAt: 50_000 });
    expect(api).toMatchObject({ role: 'api', before: 100, end: 119, peak: 119, drained: 119, flat: 'yes' });
    expect(redis).toMatchObject({ role: 'redis', before: 16, end: 56, peak: 69, flat: 'no' });
    expect(redis!.slope).toBeCloseTo(60);
  });
});
