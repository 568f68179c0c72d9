import { describe, expect, it } from 'vitest';
import { ConnectionBudget } from '../../src/connection/budget.ts';

/** Wants one, and asks again whenever it is told that one is free. */
function asker(budget: ConnectionBudget): { has: number; wants: number; told: number; ask(): void } {
  const it = {
    has: 0,
    wants: 1,
    told: 0,
    ask: (): void => {
      while (it.has < it.wants && budget.take(onFree)) it.has += 1;
    },
  };
  const onFree = (): void => {
    it.told += 1;
    it.ask();
  };
  return it;
}

describe('ConnectionBudget', () => {
  it('gives out as many as it has', () => {
    const budget = new ConnectionBudget(2);
    expect([budget.take(), budget.take(), budget.take(), budget.used]).toEqual([true, true, false, 2]);
    budget.giveBack();
    expect([budget.used, budget.take(), budget.take()]).toEqual([1, true, false]);
  });

  it('tells who waits, in the order they asked, one for each that is given back', () => {
    const budget = new ConnectionBudget(1);
    budget.take();
    const [first, second] = [asker(budget), asker(budget)];
    first.ask();
    second.ask();
    budget.giveBack();
    expect([first.has, second.has]).toEqual([1, 0]);
    budget.giveBack();
    expect([first.has, second.has]).toEqual([1, 1]);
  });

  it('goes on to the next when the one it told needs none any more', () => {
    const budget = new ConnectionBudget(1);
    budget.take();
    const [gone, waiting] = [asker(budget), asker(budget)];
    gone.ask();
    waiting.ask();
    gone.wants = 0;
    budget.giveBack();
    expect([gone.told, waiting.has, budget.used]).toEqual([1, 1, 1]);
  });

  it('is never exceeded by several that wait for several', () => {
    const budget = new ConnectionBudget(3);
    for (let i = 0; i < 3; i += 1) budget.take();
    const askers = Array.from({ length: 4 }, () => asker(budget));
    for (const one of askers) {
      one.wants = 2;
      one.ask();
    }
    for (let round = 0; round < 20; round += 1) {
      const holder = askers.find((one) => one.has > 0);
      if (holder !== undefined) holder.has -= 1;
      budget.giveBack();
      expect(budget.used).toBeLessThanOrEqual(3);
      expect(budget.used).toBeGreaterThanOrEqual(0);
      if (budget.used === 0) break;
    }
  });

  it('keeps who waits once, however often it asks', () => {
    const budget = new ConnectionBudget(1);
    budget.take();
    const one = asker(budget);
    for (let i = 0; i < 1_000; i += 1) one.ask();
    one.wants = 0;
    budget.giveBack();
    expect(one.told).toBe(1);
  });
});
