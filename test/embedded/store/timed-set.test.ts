import { expect, it } from 'vitest';
import type { StoredJob } from '../../../src/embedded/store/stored-job.ts';
import { TimedSet } from '../../../src/embedded/store/timed-set.ts';

const jobOf = (jid: string): StoredJob => ({ jid, queue: 'q', text: '', bytes: 0, leaseMs: 0, expiresAt: 0 });

function timedSet(every = 5): { set: TimedSet; due: string[] } {
  const due: string[] = [];
  return {
    set: new TimedSet(
      every,
      () => {},
      (job) => due.push(job.jid),
    ),
    due,
  };
}

it('hands jobs out in the order of their time, then of their coming', () => {
  const { set, due } = timedSet();
  const times = Array.from({ length: 500 }, (_, i) => (i * 7919) % 100);
  for (const [i, at] of times.entries()) set.add(at, jobOf(`${at}:${i}`));
  set.run(100);
  const expected = times.map((at, i) => [at, i] as const).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  expect(due).toEqual(expected.map(([at, i]) => `${at}:${i}`));
  expect(set.size).toBe(0);
});

it('is due at the tick after its earliest, and never when it is empty', () => {
  const { set, due } = timedSet(5);
  expect(set.due()).toBe(Number.POSITIVE_INFINITY);
  set.add(12, jobOf('b'));
  set.add(3, jobOf('a'));
  expect(set.due()).toBe(5);
  set.run(5);
  expect(due).toEqual(['a']);
  expect(set.due()).toBe(15);
});

it('leaves the rest of very many for the next turn', () => {
  const { set, due } = timedSet();
  for (let i = 0; i < 10_001; i++) set.add(i, jobOf(`${i}`));
  set.run(20_000);
  expect(due.length).toBe(10_000);
  expect(set.due()).toBeLessThanOrEqual(20_000);
  set.run(20_000);
  expect(due.at(-1)).toBe('10000');
});

it('extracts what matches, and keeps the order of the rest', () => {
  const { set, due } = timedSet();
  for (const at of [5, 3, 9, 1, 7]) set.add(at, jobOf(`${at}`));
  expect(set.extract((job) => Number(job.jid) > 4).map((job) => job.jid)).toEqual(['5', '7', '9']);
  set.add(2, jobOf('2'));
  set.run(100);
  expect(due).toEqual(['1', '2', '3']);
});
