import { describe, expect, it } from 'vitest';
import { queueOrder, weightedOrder } from '../../src/worker/queues.ts';

describe('queueOrder', () => {
  it('keeps a list as it is, each time', () => {
    const next = queueOrder(['critical', 'default']);
    expect([next(), next()]).toEqual([
      ['critical', 'default'],
      ['critical', 'default'],
    ]);
  });

  it('is default without queues', () => {
    expect(queueOrder()()).toEqual(['default']);
    expect(queueOrder([])()).toEqual(['default']);
  });

  it('asks a function each time', () => {
    let asked = 0;
    const next = queueOrder(() => {
      asked += 1;
      return [`q${asked}`];
    });
    expect([next(), next()]).toEqual([['q1'], ['q2']]);
  });

  it('refuses a name that would smuggle a command in', () => {
    expect(() => queueOrder(['default\r\nFLUSH'])).toThrow(/queue is/);
    expect(() => queueOrder({ 'a b': 1 })).toThrow(/queue is/);
  });

  it('names every weighted queue in each order, the heavier first as often as its share', () => {
    let seed = 42;
    const random = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed / 2_147_483_648;
    };
    let heavyFirst = 0;
    for (let i = 0; i < 10_000; i += 1) {
      const order = weightedOrder(['light', 'heavy'], { light: 1, heavy: 3 }, random);
      expect([...order].sort()).toEqual(['heavy', 'light']);
      if (order[0] === 'heavy') heavyFirst += 1;
    }
    expect(heavyFirst / 10_000).toBeCloseTo(0.75, 1);
  });
});
