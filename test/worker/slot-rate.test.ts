import { expect, it } from 'vitest';
import { SlotRate } from '../../src/worker/slot-rate.ts';

/** 100 slots, told each 10 ms; so many start and run. */
function seen(seconds: number, at: (ms: number) => { started: number; running: number }): number {
  const rate = new SlotRate(100);
  for (let ms = 0; ms <= seconds * 1_000; ms += 10) {
    const { started, running } = at(ms);
    rate.note(started, running, ms);
  }
  return rate.perSecond;
}

it('is without bound for handlers that take no time', () => {
  expect(seen(2, (ms) => ({ started: ms, running: 0 }))).toBe(Number.POSITIVE_INFINITY);
});

it('is slots ÷ the time of a handler, however many of them are used', () => {
  // 50 ms each: 1,000 a second hold 50 of 100 slots.
  expect(seen(5, (ms) => ({ started: ms, running: Math.min(ms, 50) }))).toBeCloseTo(2_000, -2);
});

it('is nothing before the first has ended', () => {
  expect(seen(3, () => ({ started: 100, running: 100 }))).toBe(0);
});

it('holds for herds: all start at once each second', () => {
  const herds = (ms: number) => ({ started: 100 * (1 + Math.floor(ms / 1_000)), running: 100 });
  expect(seen(10.5, herds)).toBeGreaterThan(60);
  expect(seen(10.5, herds)).toBeLessThan(170);
});
