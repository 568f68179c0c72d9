import { describe, expect, it } from 'vitest';
import { classify, type Figure, littlesBound } from '../../src/bench/classify.ts';
import { figure } from './figures.ts';

describe("Little's bound", () => {
  it.each<[Partial<Figure>, number]>([
    [{}, 2_000],
    [{ handlerMs: 50 }, 1_000],
    [{ prefetch: 'auto', handlerMs: 50 }, 2_000],
    [{ prefetch: 'auto' }, Number.POSITIVE_INFINITY],
    [{ concurrency: 500, roundTripMs: 0.5 }, 1_000_000],
  ])('of %j is %d jobs/s', (changes, bound) => {
    expect(littlesBound(figure(changes))).toBeCloseTo(bound);
  });
});

describe('what bounded a cell', () => {
  const cases: [string, Partial<Figure>, string, string][] = [
    ['at the bound', { jobsPerSecond: 1_990 }, 'latency', '100% of Little'],
    ['within 15% of it', { jobsPerSecond: 1_701 }, 'latency', '100 slots ÷ 50 ms of round trip'],
    [
      'a little less, and nothing full',
      { jobsPerSecond: 1_690 },
      'latency',
      "of the 59.2 ms that a slot spent on each job 50 ms were the round trip (85% of Little's bound)",
    ],
    [
      'a little less of long handlers',
      { handlerMs: 100, jobsPerSecond: 500 },
      'handlers',
      '100 ms were the handler',
    ],
    ['a little less, and a worker that is full', { jobsPerSecond: 1_690, workerLoad: 0.9 }, 'cpu', '90%'],
    ['far less', { jobsPerSecond: 1_190 }, 'unknown', "; 60% of Little's bound"],
    [
      'at the bound, though the worker was busy',
      { jobsPerSecond: 1_900, workerLoad: 0.95 },
      'latency',
      '95%',
    ],
    [
      'handlers longer than the way',
      { handlerMs: 100, jobsPerSecond: 660 },
      'handlers',
      'all slots were taken',
    ],
    [
      'fetched ahead, so only the handler counts',
      { prefetch: 'auto', handlerMs: 10, jobsPerSecond: 9_500 },
      'handlers',
      '100 slots ÷ 10 ms in the handler',
    ],
    ['a worker near one core', { workerLoad: 0.9 }, 'cpu', "the worker's process was busy 90%"],
    ['a Faktory near one core', { faktoryLoad: 0.97, workerLoad: 0.9 }, 'server', "Faktory's process was"],
    ['a relay near one core', { relayLoad: 0.97, workerLoad: 0.9 }, 'relay', "this bench's own relay"],
    ['a machine that is full', { machineLoad: 0.99 }, 'machine', 'no core was left'],
    ['a moment', { seconds: 0.02, workerLoad: 1 }, 'unknown', '20 ms are too short to tell'],
    ['no job', { jobs: 0, jobsPerSecond: 0 }, 'unknown', 'no job was done'],
    ['nothing short', {}, 'unknown', 'worker 30%, Faktory 20%, relay 10%; the machine 50%'],
    ['without prefetch, nothing is far', { prefetch: 'auto' }, 'unknown', 'the machine 50%)'],
  ];
  it.each(cases)('%s', (_, changes, kind, because) => {
    const of = figure(changes);
    const verdict = classify(of, [of]);
    expect(verdict.kind).toBe(kind);
    expect(verdict.because).toContain(because);
  });

  it('is the link, only where it was said what that carries', () => {
    const of = figure({ jobsPerSecond: 1_000, bytesPerJob: 280, workerLoad: 0.99 });
    expect(classify(of, [of]).kind).toBe('cpu');
    expect(classify(of, [of], 1_000_000).kind).toBe('cpu');
    expect(classify(of, [of], 300_000)).toEqual({
      kind: 'bandwidth',
      because: '280 kB/s of the 300 that the link carries, as it was said',
    });
  });
});

describe('a Faktory that cannot be looked at', () => {
  const cell = (concurrency: number, jobsPerSecond: number, changes: Partial<Figure> = {}) =>
    figure({ roundTripMs: 1, latencyMs: 0, concurrency, jobsPerSecond, faktoryLoad: null, ...changes });

  it('is what bounds where more slots brought nothing', () => {
    const few = cell(50, 9_000);
    const many = cell(500, 9_400);
    expect(classify(few, [few, many])).toEqual({
      kind: 'server',
      because: '500 slots brought no more: 104% of this',
    });
    expect(classify(many, [few, many])).toEqual({
      kind: 'server',
      because: 'it brought no more than 50 slots: 104% of those',
    });
  });

  it.each<[string, Figure]>([
    ['brought more', cell(500, 12_000)],
    ['are hardly more', cell(60, 9_000)],
    ['were elsewhere', cell(500, 9_000, { latencyMs: 10 })],
    ['were fetched otherwise', cell(500, 9_000, { prefetch: 'auto' })],
    ['did nothing', cell(500, 0, { jobs: 0 })],
  ])('is not said to where more slots %s', (_, other) => {
    const few = cell(50, 9_000);
    expect(classify(few, [few, other]).kind).toBe('unknown');
  });

  it('is not guessed at where its process was seen to have time', () => {
    const few = cell(50, 9_000, { faktoryLoad: 0.2 });
    expect(classify(few, [few, cell(500, 9_000)]).kind).toBe('unknown');
  });
});
