import { describe, expect, it } from 'vitest';
import { endedWell, replacementDelayMs, whenEnded, whyNotReady } from '../../src/cli/processes-policy.ts';

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

it.each([
  // stage, started, code, signal: well?
  ['stopping', true, 0, null, true],
  ['stopping', true, 1, null, false],
  ['stopping', true, null, 'SIGINT', false],
  ['stopping', false, null, 'SIGINT', true],
  ['stopping', false, null, 'SIGTERM', true],
  ['stopping', false, null, 'SIGKILL', false],
  ['stopping', false, 1, null, false],
  ['quiet', false, null, 'SIGINT', false],
] as const)('%s, started %s: the end with code %s or by %s is a good one: %s', (...row) => {
  const [stage, started, code, signal, isGood] = row;
  expect(endedWell(stage, started, code, signal)).toBe(isGood);
});

describe('all are ready', () => {
  const ready = { notReady: undefined, heardAt: 10_000 };
  const why = (...processes: ({ notReady: string | undefined; heardAt: number } | undefined)[]) =>
    whyNotReady(
      'worker',
      'running',
      processes.map((process, at) => ({ number: at + 1, ...(process === undefined ? {} : { process }) })),
      13_999,
    );

  it('while each was ready when it was last heard, a moment ago', () => {
    expect(why(ready, ready)).toBeUndefined();
  });

  it('but not while one is missing, is not ready, or is silent', () => {
    expect(why(ready, undefined)).toBe('worker process 2 has ended and is not replaced yet');
    expect(why({ ...ready, notReady: 'starting' }, undefined)).toBe('worker process 1: starting');
    expect(why(ready, { ...ready, heardAt: 9_999 })).toBe('worker process 2 has not answered for 4 s');
    expect(why(ready, { ...ready, heardAt: 4_000 })).toBe('worker process 2 has not answered for 9 s');
  });

  it.each([
    ['first', 'the api processes are starting'],
    ['quiet', 'the api processes are quiet'],
    ['stopping', 'the api processes are stopping'],
  ] as const)('nor while they are %s', (stage, reason) => {
    expect(whyNotReady('api', stage, [{ number: 1, process: ready }], 10_000)).toBe(reason);
  });
});
