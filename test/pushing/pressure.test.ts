import { describe, expect, it } from 'vitest';
import { Pressure } from '../../src/pushing/pressure.ts';

function filled(maxJobs: number, maxBytes: number, jobs: number, bytes = 1): Pressure {
  const pressure = new Pressure(maxJobs, maxBytes);
  for (let i = 0; i < jobs; i += 1) pressure.add(bytes);
  return pressure;
}

describe('Pressure', () => {
  it('is open until the limit of jobs is reached', () => {
    expect(filled(4, 1_000, 3).open).toBe(true);
    expect(filled(4, 1_000, 4).open).toBe(false);
  });

  it('is open until the limit of bytes is reached', () => {
    expect(filled(1_000, 100, 9, 11).open).toBe(true);
    expect(filled(1_000, 100, 10, 10).open).toBe(false);
  });

  it('takes one that is larger than the limit, or it could never be sent', () => {
    const pressure = filled(4, 100, 1, 5_000);
    expect([pressure.open, pressure.bytes]).toEqual([false, 5_000]);
    expect([pressure.remove(5_000), pressure.open]).toEqual([true, true]);
  });

  it('opens again only when half of the jobs have drained, and says so once', () => {
    const pressure = filled(10, 1_000, 10);
    const told = Array.from({ length: 10 }, () => pressure.remove(1));
    expect(told).toEqual([false, false, false, false, true, false, false, false, false, false]);
    expect([pressure.jobs, pressure.bytes]).toEqual([0, 0]);
  });

  it('opens again only when half of the bytes have drained', () => {
    const pressure = filled(1_000, 100, 10, 10);
    expect(Array.from({ length: 6 }, () => pressure.remove(10)).indexOf(true)).toBe(4);
  });

  it('does not open for the one while the other is over its half', () => {
    const pressure = new Pressure(4, 100);
    for (const bytes of [90, 1, 1, 1]) pressure.add(bytes);
    expect([pressure.remove(1), pressure.remove(1), pressure.remove(1)]).toEqual([false, false, false]);
    expect(pressure.remove(90)).toBe(true);
  });

  it('closes again at the limit, not before', () => {
    const pressure = filled(4, 1_000, 4);
    pressure.remove(1);
    pressure.remove(1);
    pressure.add(1);
    expect(pressure.open).toBe(true);
    pressure.add(1);
    expect(pressure.open).toBe(false);
  });

  it('works with a limit of one', () => {
    const pressure = filled(1, 1_000, 1);
    expect([pressure.open, pressure.remove(1), pressure.open]).toEqual([false, true, true]);
  });
});
