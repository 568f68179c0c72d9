import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SILENT } from '../../src/logger.ts';
import { Unsettled } from '../../src/partitions/unsettled.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Tells in order; fails while `away`. */
function teller() {
  const told: number[] = [];
  const state = { away: false, tries: 0 };
  const tell = (n: number) => async () => {
    state.tries += 1;
    if (state.away) throw new Error('away');
    told.push(n);
  };
  return { told, state, tell };
}

it('tells at once, and again until it is told, in order', async () => {
  const { told, state, tell } = teller();
  const unsettled = new Unsettled(SILENT);
  unsettled.add(tell(1));
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual([1]);
  state.away = true;
  unsettled.add(tell(2));
  unsettled.add(tell(3));
  await vi.advanceTimersByTimeAsync(5_000);
  expect([told, unsettled.size]).toEqual([[1], 2]);
  // One try each time, whatever the number.
  expect(state.tries).toBeLessThan(14);
  state.away = false;
  await vi.advanceTimersByTimeAsync(500);
  expect([told, unsettled.size]).toEqual([[1, 2, 3], 0]);
});

it('is bounded: the oldest is forgotten, and that is told', async () => {
  const { told, state, tell } = teller();
  const lines: string[] = [];
  const unsettled = new Unsettled({ ...SILENT, warn: (_: object, text: string) => void lines.push(text) });
  state.away = true;
  for (let n = 0; n <= 10_000; n += 1) unsettled.add(tell(n));
  expect([unsettled.size, lines.length]).toEqual([10_000, 1]);
  state.away = false;
  await vi.advanceTimersByTimeAsync(500);
  expect([told.length, told[0]]).toEqual([10_000, 1]);
});

it('is quiet once it is closed', async () => {
  const { told, state, tell } = teller();
  const unsettled = new Unsettled(SILENT);
  state.away = true;
  unsettled.add(tell(1));
  await vi.advanceTimersByTimeAsync(0);
  unsettled.close();
  unsettled.add(tell(2));
  state.away = false;
  await vi.advanceTimersByTimeAsync(5_000);
  expect([told, vi.getTimerCount()]).toEqual([[], 0]);
});
