import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { MovableClock } from '../../src/testing/movable-clock.ts';
import { DAY } from './kit.ts';

const START = Date.UTC(2030, 0, 1);

beforeEach(() => void vi.useFakeTimers({ now: START }));
afterEach(() => void vi.useRealTimers());

it('goes with the machine', () => {
  const clock = new MovableClock();
  const fired: number[] = [];
  clock.setTimer(START + 50, () => fired.push(clock.now()));
  vi.advanceTimersByTime(49);
  expect(fired).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(fired).toEqual([START + 50]);
  expect(vi.getTimerCount()).toBe(0);
});

it('can be moved on, and goes on from there', () => {
  const clock = new MovableClock();
  clock.advance(3 * DAY);
  expect(clock.now()).toBe(START + 3 * DAY);
  vi.advanceTimersByTime(5);
  expect(clock.now()).toBe(START + 3 * DAY + 5);
});

it('fires on its way what falls due, in order, each at its time, and what that sets', () => {
  const clock = new MovableClock();
  const fired: [string, number][] = [];
  const note = (name: string) => () => void fired.push([name, clock.now() - START]);
  clock.setTimer(START + 20, note('second'));
  clock.setTimer(START + 10, () => {
    note('first')();
    clock.setTimer(START + 15, note('between'));
    clock.setTimer(START + 1, note('overdue'));
  });
  clock.setTimer(START + 31, note('too far'));
  clock.advance(30);
  expect(fired).toEqual([
    ['first', 10],
    ['overdue', 10],
    ['between', 15],
    ['second', 20],
  ]);
  expect(clock.now()).toBe(START + 30);
});

it('brings nearer what is left, which fires once', () => {
  const clock = new MovableClock();
  let fired = 0;
  clock.setTimer(START + DAY + 10, () => {
    fired += 1;
  });
  clock.advance(DAY);
  expect(fired).toBe(0);
  vi.advanceTimersByTime(10);
  expect(fired).toBe(1);
  clock.advance(DAY);
  expect(fired).toBe(1);
});

it('forgets a timer that was cancelled', () => {
  const clock = new MovableClock();
  let fired = 0;
  const cancel = clock.setTimer(START + 10, () => {
    fired += 1;
  });
  cancel();
  cancel();
  clock.advance(20);
  vi.advanceTimersByTime(20);
  expect(fired).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});
