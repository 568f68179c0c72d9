import { describe, expect, it } from 'vitest';
import { type BodyPlan, bodyOf, countFlawed, flawOf, pathOf } from '../../src/load/body.ts';

const PLAN: BodyPlan = { jobtype: 'noop', flawedEvery: 100, flaws: ['malformed', 'poison'] };

describe('the bodies of a load', () => {
  it('are the argument of the job, or an envelope where a queue is to be said', () => {
    expect(pathOf({ jobtype: 'a/b' })).toBe('/jobs/a%2Fb');
    expect(JSON.parse(bodyOf({ jobtype: 'noop' }, 0, 12.5))).toEqual({ at: 12.5 });
    const queued = { jobtype: 'noop', queue: 'millrace-load' };
    expect(pathOf(queued)).toBe('/jobs');
    expect(JSON.parse(bodyOf(queued, 0, 1))).toEqual({ ...queued, args: { at: 1 } });
  });

  it('are flawed by turns, each once in so many', () => {
    const flaws = Array.from({ length: 400 }, (_, n) => [n, flawOf(PLAN, n)] as const).filter(
      ([, flaw]) => flaw,
    );
    expect(flaws).toEqual([
      [50, 'malformed'],
      [150, 'poison'],
      [250, 'malformed'],
      [350, 'poison'],
    ]);
    expect([countFlawed(PLAN, 50_000, 'malformed'), countFlawed(PLAN, 50_000, 'poison')]).toEqual([250, 250]);
    expect(countFlawed({ jobtype: 'noop' }, 1_000, 'poison')).toBe(0);
  });

  it('are no JSON when malformed, and say so to the handler when poison', () => {
    for (const plan of [PLAN, { ...PLAN, queue: 'q' }]) {
      expect(() => JSON.parse(bodyOf(plan, 50))).toThrow(SyntaxError);
      expect(bodyOf(plan, 150)).toContain('"poison":true');
      expect(bodyOf(plan, 0)).not.toContain('poison');
    }
  });
});
