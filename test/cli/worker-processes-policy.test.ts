import { describe, expect, it } from 'vitest';
import { replacementDelayMs, whenEnded } from '../../src/cli/worker-processes-policy.ts';

describe('the delay before a process is replaced', () => {
  it('doubles from 1 s to 30 s while processes die young', () => {
    const delays: number[] = [];
    for (let count = 0; count < 7; count++) delays.push(replacementDelayMs(delays.at(-1), 500));
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  it('begins again after one that lived a minute', () => {
    expect(replacementDelayMs(30_000, 59_999)).toBe(30_000);
    expect(replacementDelayMs(30_000, 60_000)).toBe(1_000);
  });
});

describe('a process that has ended', () => {
  it('ends all before any has loaded its handlers', () => {
    expect(whenEnded('first', 0)).toBe('end');
  });

  it('is replaced while they run', () => {
    expect(whenEnded('running', 3)).toBe('replace');
    expect(whenEnded('running', 0)).toBe('replace');
  });

  it('is not replaced while they are quiet, and the last one ends all', () => {
    expect(whenEnded('quiet', 1)).toBe('leave');
    expect(whenEnded('quiet', 0)).toBe('end');
  });

  it('is not replaced while they stop', () => {
    expect(whenEnded('stopping', 1)).toBe('leave');
    expect(whenEnded('stopping', 0)).toBe('leave');
  });
});
