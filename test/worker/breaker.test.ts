import { describe, expect, it } from 'vitest';
import { SILENT } from '../../src/logger.ts';
import { Breaker, checkBreaker } from '../../src/worker/breaker.ts';
import { Breakers } from '../../src/worker/breakers.ts';
import { Credits } from '../../src/worker/credits.ts';

const OPTIONS = { failures: 3, share: 0.5, windowMs: 1_000, pauseMs: 5_000 };

describe('Breaker', () => {
  it('opens at so many failures within the window, when they are the share of all', () => {
    const breaker = new Breaker(OPTIONS);
    for (const ok of [true, false, true, false, true, true]) expect(breaker.record(ok, 0)).toBe(false);
    // 3 of 7.
    expect(breaker.record(false, 10)).toBe(false);
    expect(breaker.record(false, 20)).toBe(true);
    expect(breaker.state).toBe('open');
    expect(breaker.openForMs(20)).toBe(5_000);
  });

  it('forgets what is older than the window', () => {
    const breaker = new Breaker(OPTIONS);
    for (const now of [0, 900, 1_800, 2_700, 3_600]) expect(breaker.record(false, now)).toBe(false);
  });

  it('lets one job probe after the pause: success closes it, failure opens it for twice as long', () => {
    const breaker = new Breaker(OPTIONS);
    for (let i = 0; i < 3; i += 1) breaker.record(false, 0);
    expect(breaker.record(true, 100)).toBe(false);
    expect(breaker.tick(4_999)).toBe(false);
    expect(breaker.tick(5_000)).toBe(true);
    expect(breaker.state).toBe('half-open');
    expect(breaker.record(false, 5_100)).toBe(true);
    expect(breaker.openForMs(5_100)).toBe(10_000);
    breaker.tick(15_100);
    expect(breaker.record(true, 15_200)).toBe(true);
    expect(breaker.state).toBe('closed');
    for (let i = 0; i < 3; i += 1) breaker.record(false, 15_300);
    expect(breaker.openForMs(15_300)).toBe(5_000);
  });

  it('waits eight times the pause at most', () => {
    const breaker = new Breaker(OPTIONS);
    let now = 0;
    for (let i = 0; i < 3; i += 1) breaker.record(false, now);
    for (let i = 0; i < 10; i += 1) {
      now += breaker.openForMs(now);
      breaker.tick(now);
      breaker.record(false, now);
    }
    expect(breaker.openForMs(now)).toBe(40_000);
  });

  it.each([
    [{ failures: 0 }, 'breaker.failures of "add" is 0'],
    [{ share: 1.5 }, 'breaker.share of "add" is 1.5'],
    [{ windowMs: 0 }, 'breaker.windowMs'],
    [{ pauseMs: Number.NaN }, 'breaker.pauseMs'],
  ])('refuses %o', (options, text) => {
    expect(() => checkBreaker('"add"', options)).toThrow(text);
  });
});

describe('Credits', () => {
  it('costs nothing where there are none', () => {
    const credits = new Credits();
    const queues = ['a', 'b'];
    expect(credits.allowed(queues)).toBe(queues);
    expect(credits.charge(queues)).toBeUndefined();
  });

  it('charges each queue with a credit that a FETCH names, and keeps only that of the job', () => {
    const credits = new Credits();
    credits.limit('a', 1);
    credits.limit('b', 2);
    const charge = credits.charge(['a', 'b', 'c'])!;
    expect(credits.allowed(['a', 'b', 'c'])).toEqual(['b', 'c']);
    charge.keep('b');
    expect(credits.allowed(['a', 'b'])).toEqual(['a', 'b']);
    const second = credits.charge(['b'])!;
    expect(credits.allowed(['a', 'b'])).toEqual(['a']);
    charge.release();
    charge.release();
    expect(credits.allowed(['b'])).toEqual(['b']);
    second.release();
    credits.limit('a', undefined);
    credits.limit('b', undefined);
    expect(credits.charge(['a'])).toBeUndefined();
  });
});

describe('Breakers', () => {
  const job = (jobtype: string, queue: string) => ({ jid: 'abcdefgh', jobtype, queue, args: [] });

  it('takes the credit of the queues that the failures of a jobtype came from', () => {
    const credits = new Credits();
    const breakers = new Breakers(credits, SILENT);
    breakers.forJobtype('import', OPTIONS);
    for (let i = 0; i < 3; i += 1) breakers.record(job('import', i === 0 ? 'x' : 'y'), false, 0);
    expect(credits.allowed(['x', 'y', 'z'])).toEqual(['z']);
    expect(breakers.states).toEqual([{ name: 'jobtype import', state: 'open', queues: ['x', 'y'] }]);
    breakers.tick(5_000);
    const probe = credits.charge(['x', 'y'])!;
    probe.keep('x');
    expect(credits.allowed(['x', 'y'])).toEqual(['y']);
    probe.release();
    breakers.record(job('import', 'x'), true, 5_100);
    expect(credits.charge(['x', 'y'])).toBeUndefined();
  });

  it('holds a queue as closely as the narrowest of its breakers', () => {
    const credits = new Credits();
    const breakers = new Breakers(credits, SILENT);
    breakers.forJobtype('import', { ...OPTIONS, pauseMs: 1_000 });
    breakers.forQueue('x', OPTIONS);
    for (let i = 0; i < 3; i += 1) breakers.record(job('import', 'x'), false, 0);
    breakers.tick(1_000);
    expect(breakers.states.map(({ state }) => state)).toEqual(['half-open', 'open']);
    expect(credits.allowed(['x'])).toEqual([]);
    breakers.tick(5_000);
    expect(credits.allowed(['x'])).toEqual(['x']);
  });
});
