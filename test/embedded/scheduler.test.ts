import { expect, it } from 'vitest';
import { ManualClock } from '../../src/embedded/clock.ts';
import { Deadlines } from '../../src/embedded/deadlines.ts';
import { nextTick, Scheduler } from '../../src/embedded/scheduler.ts';

function harness() {
  const clock = new ManualClock(0);
  const scheduler = new Scheduler(clock);
  const due: [string, number][] = [];
  const deadlines = new Deadlines<string>(100, scheduler.wake, (item) => due.push([item, clock.now()]));
  scheduler.add(deadlines);
  return { clock, scheduler, deadlines, due };
}

it('has no timer while there is nothing to wait for, and one for any number of things', () => {
  const { clock, deadlines } = harness();
  expect(clock.pendingTimers).toBe(0);
  for (let i = 0; i < 1000; i++) deadlines.add(`item ${i}`, clock.now());
  expect(clock.pendingTimers).toBe(1);
  clock.advance(100);
  expect(clock.pendingTimers).toBe(0);
});

it('runs each at its deadline, and not what was deleted', () => {
  const { clock, deadlines, due } = harness();
  deadlines.add('a', clock.now());
  deadlines.add('gone', clock.now());
  clock.advance(40);
  deadlines.add('b', clock.now());
  expect(deadlines.delete('gone')).toBe(true);
  expect(deadlines.delete('gone')).toBe(false);
  clock.advance(1000);
  expect(due).toEqual([
    ['a', 100],
    ['b', 140],
  ]);
});

it('serves several works by one timer, the earliest first', () => {
  const { clock, scheduler, due } = harness();
  const shorter = new Deadlines<string>(10, scheduler.wake, (item) => due.push([item, clock.now()]));
  const longer = new Deadlines<string>(500, scheduler.wake, (item) => due.push([item, clock.now()]));
  for (const work of [longer, shorter]) scheduler.add(work);
  longer.add('long', clock.now());
  shorter.add('short', clock.now());
  expect(clock.pendingTimers).toBe(1);
  clock.advance(499);
  expect(due).toEqual([['short', 10]]);
  clock.advance(1);
  expect(due).toEqual([
    ['short', 10],
    ['long', 500],
  ]);
});

it('does nothing more once it is stopped', () => {
  const { clock, scheduler, deadlines, due } = harness();
  deadlines.add('a', clock.now());
  scheduler.stop();
  deadlines.add('b', clock.now());
  clock.advance(1000);
  expect(due).toEqual([]);
  expect(clock.pendingTimers).toBe(0);
});

it('ticks at whole multiples, as Faktory', () => {
  expect(nextTick(10_001, 5000)).toBe(15_000);
  expect(nextTick(15_000, 5000)).toBe(15_000);
  expect(nextTick(Number.POSITIVE_INFINITY, 5000)).toBe(Number.POSITIVE_INFINITY);
});
