import { describe, expect, it } from 'vitest';
import { Credits } from '../../src/worker/credits.ts';

describe('Credits', () => {
  it('holds the least of what several say of a queue, and asks those that are functions each time', () => {
    const credits = new Credits();
    let room = 2;
    credits.limit('a', 3, 'breaker');
    credits.limit('a', () => room, 'limit');
    const charges = [credits.charge(['a', 'b']), credits.charge(['a', 'b'])];
    expect(credits.allowed(['a', 'b'])).toEqual(['b']);
    room = 5;
    expect(credits.allowed(['a', 'b'])).toEqual(['a', 'b']);
    charges.push(credits.charge(['a']));
    expect(credits.allowed(['a', 'b'])).toEqual(['b']);
    credits.limit('a', undefined, 'breaker');
    expect(credits.allowed(['a', 'b'])).toEqual(['a', 'b']);
    for (const charge of charges) charge?.release();
    expect(credits.usedBy('a')).toBe(0);
    expect(credits.any).toBe(true);
    credits.limit('a', undefined, 'limit');
    expect(credits.any).toBe(false);
  });

  it('says once that a FETCH is answered, be it with a job or without', () => {
    const credits = new Credits();
    credits.limit('a', 5);
    let answered = 0;
    const onAnswered = (): void => {
      answered += 1;
    };
    const withJob = credits.charge(['a'], onAnswered);
    withJob!.keep('a');
    expect([answered, credits.usedBy('a')]).toEqual([1, 1]);
    withJob!.release();
    expect([answered, credits.usedBy('a')]).toEqual([1, 0]);
    credits.charge(['a'], onAnswered)!.release();
    expect(answered).toBe(2);
  });
});
