import { expect, it } from 'vitest';
import { ManualClock, realClock } from '../../src/embedded/clock.ts';

it('stands still until it is moved', () => {
  const clock = new ManualClock(1000);
  expect(clock.now()).toBe(1000);
  clock.advance(50);
  expect(clock.now()).toBe(1050);
});

it('fires what falls due on the way, each at its time, earliest first', () => {
  const clock = new ManualClock(0);
  const fired: [string, number][] = [];
  const note = (name: string) => () => fired.push([name, clock.now()]);
  clock.setTimer(30, note('c'));
  clock.setTimer(10, () => {
    note('a')();
    clock.setTimer(20, note('b'));
  });
  clock.setTimer(51, note('later'));
  clock.setTimer(15, note('cancelled'))();
  clock.advance(50);
  expect(fired).toEqual([
    ['a', 10],
    ['b', 20],
    ['c', 30],
  ]);
  expect(clock.pendingTimers).toBe(1);
  expect(clock.now()).toBe(50);
});

it('fires what was due already', () => {
  const clock = new ManualClock(100);
  const fired: number[] = [];
  clock.setTimer(50, () => fired.push(clock.now()));
  clock.advance(0);
  expect(fired).toEqual([100]);
});

it('the real one calls back at the time, not before', async () => {
  const at = realClock.now() + 5;
  await new Promise<void>((resolve) => realClock.setTimer(at, resolve));
  expect(realClock.now()).toBeGreaterThanOrEqual(at);
});

it('the real one can be told to forget it', async () => {
  let fired = false;
  const cancel = realClock.setTimer(realClock.now(), () => {
    fired = true;
  });
  cancel();
  cancel();
  await new Promise<void>((resolve) => realClock.setTimer(realClock.now() + 5, resolve));
  expect(fired).toBe(false);
});
