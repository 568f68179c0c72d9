import { describe, expect, it } from 'vitest';
import { SILENT } from '../../src/logger.ts';
import { Breaker, checkBreaker } from '../../src/worker/breaker.ts';
import { Breakers } from '../../src/worker/breakers.ts';
import { type Charge, Credits } from '../../src/worker/credits.ts';

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

  it('takes for a probe only what was started since it is half-open', () => {
    const breaker = new Breaker(OPTIONS);
    for (let i = 0; i < 3; i += 1) breaker.record(false, 10, 0);
    breaker.tick(5_010);
    expect(breaker.record(true, 5_020, 5)).toBe(false);
    expect(breaker.record(false, 5_020, 5_009)).toBe(false);
    expect(breaker.state).toBe('half-open');
    expect(breaker.record(false, 5_030, 5_010)).toBe(true);
    expect(breaker.openForMs(5_030)).toBe(10_000);
    breaker.tick(15_030);
    // One that began in the half-open time before.
    expect(breaker.record(true, 15_040, 5_020)).toBe(false);
    expect(breaker.record(true, 15_050, 15_040)).toBe(true);
    expect(breaker.state).toBe('closed');
  });

  it('closed again, does not count what began before: that failed on what is mended now', () => {
    const breaker = new Breaker(OPTIONS);
    for (let i = 0; i < 3; i += 1) breaker.record(false, 10, 0);
    breaker.tick(5_010);
    breaker.record(true, 5_020, 5_010);
    for (let i = 0; i < 100; i += 1) expect(breaker.record(false, 5_030, 5)).toBe(false);
    for (let i = 0; i < 2; i += 1) expect(breaker.record(false, 5_040, 5_030)).toBe(false);
    expect(breaker.record(false, 5_040, 5_030)).toBe(true);
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

  /** Small numbers in a row that is the same for the same seed (mulberry32). */
  function dice(seed: number): (sides: number) => number {
    let state = seed;
    return (sides) => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) % sides;
    };
  }

  const NAMES = ['a', 'b', 'c', 'd'];

  /** Credits, and beside them what they should come to: a list of what is charged, and for which queues. */
  class Model {
    readonly credits = new Credits();
    readonly limits = new Map<string, number>();
    readonly open: { charge: Charge; queues: readonly string[] }[] = [];

    limit(name: string, most: number | undefined): void {
      if (most === undefined) this.limits.delete(name);
      else this.limits.set(name, most);
      this.credits.limit(name, most);
    }

    fetch(names: readonly string[]): void {
      const queues = this.credits.allowed(names);
      const charge = this.credits.charge(queues);
      const charged = queues.filter((queue) => this.limits.has(queue));
      expect(charge === undefined).toBe(charged.length === 0);
      if (charge !== undefined) this.open.push({ charge, queues: charged });
    }

    /** A job came, maybe of a queue that was not named. */
    bring(at: number, queue: string): void {
      const fetched = this.open[at];
      if (fetched === undefined) return;
      fetched.charge.keep(queue);
      fetched.queues = fetched.queues.filter((each) => each === queue);
    }

    /** The job left its slot, or the FETCH was lost or empty; it may be told more than once. */
    end(at: number, times: number): void {
      const [fetched] = this.open.splice(at, 1);
      for (let i = 0; i < times; i += 1) fetched?.charge.release();
    }

    check(): void {
      for (const name of NAMES) {
        const used = this.open.filter(({ queues }) => queues.includes(name)).length;
        expect(this.credits.usedBy(name)).toBe(used);
        const free = used < (this.limits.get(name) ?? Number.POSITIVE_INFINITY);
        expect(this.credits.allowed([name])).toEqual(free ? [name] : []);
      }
    }
  }

  it.each(Array.from({ length: 20 }, (_, seed) => seed))(
    'come out even whatever happens to the FETCHes: seed %i',
    (seed) => {
      const roll = dice(seed);
      const model = new Model();
      const any = (): string => NAMES[roll(NAMES.length)]!;
      const steps = [
        () => model.limit(any(), [undefined, 0, 1, 2, 3][roll(5)]),
        () => model.fetch(NAMES.filter(() => roll(2) === 0)),
        () => model.fetch(NAMES.filter(() => roll(2) === 0).reverse()),
        () => model.bring(roll(model.open.length + 1), any()),
        () => model.end(roll(model.open.length + 1), 1 + roll(2)),
      ];
      for (let step = 0; step < 200; step += 1) {
        steps[roll(steps.length)]!();
        model.check();
      }
      while (model.open.length > 0) model.end(0, 1);
      for (const name of NAMES) expect(model.credits.usedBy(name)).toBe(0);
    },
  );

  it('charges a queue that is named twice once', () => {
    const credits = new Credits();
    credits.limit('a', 2);
    const charge = credits.charge(['a', 'b', 'a'])!;
    expect(credits.usedBy('a')).toBe(1);
    charge.keep('a');
    expect(credits.usedBy('a')).toBe(1);
    charge.release();
    expect(credits.usedBy('a')).toBe(0);
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

  const fail = (breakers: Breakers, queue: string, times = 3): void => {
    for (let i = 0; i < times; i += 1) breakers.record(job('import', queue), false, 0);
  };

  it('frees the queues when an open breaker is registered anew, or taken away', () => {
    const credits = new Credits();
    const breakers = new Breakers(credits, SILENT);
    for (const next of [() => breakers.forJobtype('import', OPTIONS), () => breakers.remove('import')]) {
      breakers.forJobtype('import', OPTIONS);
      fail(breakers, 'x');
      expect(credits.allowed(['x'])).toEqual([]);
      next();
      expect(credits.allowed(['x'])).toEqual(['x']);
      expect(credits.charge(['x'])).toBeUndefined();
      expect(breakers.isOpen('x')).toBe(false);
    }
    expect(breakers.states).toEqual([]);
    breakers.remove('import');
    fail(breakers, 'x');
    expect(credits.allowed(['x'])).toEqual(['x']);
  });

  it('holds the queues of one that is registered anew as closely as its other breakers say', () => {
    const credits = new Credits();
    const breakers = new Breakers(credits, SILENT);
    breakers.forJobtype('import', OPTIONS);
    breakers.forQueue('x', OPTIONS);
    fail(breakers, 'x');
    breakers.remove('import');
    expect(credits.allowed(['x'])).toEqual([]);
    breakers.forQueue('x', OPTIONS);
    expect(credits.allowed(['x'])).toEqual(['x']);
  });

  it('tells which queues are open, and each time that one opens', () => {
    const opened: string[] = [];
    const names = ['x', 'y'];
    const breakers = new Breakers(new Credits(), SILENT, () =>
      opened.push(names.filter((name) => breakers.isOpen(name)).join()),
    );
    breakers.forJobtype('import', OPTIONS);
    expect(breakers.isOpen('x')).toBe(false);
    fail(breakers, 'x', 2);
    fail(breakers, 'y', 1);
    expect(opened).toEqual(['x,y']);
    breakers.tick(5_000);
    expect(names.map((name) => breakers.isOpen(name))).toEqual([false, false]);
    breakers.record(job('import', 'x'), false, 5_100, 5_050);
    expect(opened).toEqual(['x,y', 'x,y']);
    breakers.tick(15_100);
    breakers.record(job('import', 'x'), true, 15_200, 15_150);
    expect(opened).toHaveLength(2);
    expect(breakers.isOpen('x')).toBe(false);
  });

  it('holds a queue, too, whose first failure comes while the breaker is open', () => {
    const opened: string[] = [];
    const credits = new Credits();
    const breakers = new Breakers(credits, SILENT, () => opened.push('opened'));
    breakers.forJobtype('import', OPTIONS);
    fail(breakers, 'x');
    fail(breakers, 'x');
    expect(opened).toHaveLength(1);
    fail(breakers, 'late');
    expect(credits.allowed(['late'])).toEqual([]);
    expect(breakers.isOpen('late')).toBe(true);
    expect(opened).toHaveLength(2);
  });
});
