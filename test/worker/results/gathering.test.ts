import { describe, expect, it } from 'vitest';
import { leaseOf } from '../../../src/worker/lease.ts';
import { Gathering, waitsUntil } from '../../../src/worker/results/gathering.ts';

const leaseFrom = (startedAt: number, reserveFor = 60) =>
  leaseOf(reserveFor, startedAt, { steady: startedAt, wall: startedAt });

describe('when gathered results leave', () => {
  it.each([
    ['after the delay', 1_800, 0, 50, 50],
    ['at once where there is none', 1_800, 100, 0, 100],
    ['after a quarter of the reservation at most', 60, 0, 60_000, 15_000],
    ['before the half of it', 60, 20_000, 60_000, 30_000],
    ['at once beyond the half', 60, 31_000, 60_000, 31_000],
  ])('%s', (_when, reserveFor, now, maxDelayMs, until) => {
    expect(waitsUntil(leaseFrom(0, reserveFor), now, maxDelayMs)).toBe(until);
  });

  it('counts from the first, and a job whose reservation is nearly over makes all leave earlier', () => {
    const gathering = new Gathering<string>({ maxSize: 3, maxDelayMs: 40_000 });
    expect([gathering.size, gathering.dueAt, gathering.full]).toEqual([0, Number.POSITIVE_INFINITY, false]);
    gathering.add('a', 10, leaseFrom(0, 1_800), 0);
    gathering.add('b', 10, leaseFrom(0, 1_800), 100);
    expect([gathering.dueAt, gathering.full]).toEqual([40_000, false]);
    gathering.add('c', 10, leaseFrom(-25_000), 200);
    expect([gathering.dueAt, gathering.full]).toEqual([5_000, true]);
    expect(gathering.take()).toEqual(['a', 'b', 'c']);
    expect([gathering.size, gathering.dueAt, gathering.full]).toEqual([0, Number.POSITIVE_INFINITY, false]);
  });

  it('is full by bytes, too, and one that is larger than all others may be goes alone', () => {
    const gathering = new Gathering<string>({ maxSize: 1_000, maxDelayMs: 50 });
    expect(gathering.overflows(2_000_000)).toBe(false);
    gathering.add('a', 400_000, leaseFrom(0), 0);
    expect([gathering.overflows(2_000_000), gathering.overflows(100_000)]).toEqual([true, false]);
    gathering.add('b', 124_288, leaseFrom(0), 0);
    expect(gathering.full).toBe(true);
  });
});
