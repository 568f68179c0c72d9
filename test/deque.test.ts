import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { Deque } from '../src/deque.ts';
import { until } from './helpers/until.ts';
import { seeded } from './protocol/seeded.ts';

describe('Deque', () => {
  it('gives back in the order of arrival', () => {
    const deque = new Deque<number>();
    for (let i = 0; i < 100; i += 1) deque.push(i);
    expect(deque.size).toBe(100);
    expect(Array.from({ length: 100 }, () => deque.shift())).toEqual(
      Array.from({ length: 100 }, (_, i) => i),
    );
    expect(deque.size).toBe(0);
  });

  it('has nothing to give when it is empty', () => {
    const deque = new Deque<string>();
    expect([deque.shift(), deque.peek(), deque.size]).toEqual([undefined, undefined, 0]);
    deque.clear();
    expect([...deque]).toEqual([]);
  });

  it('puts back in front what unshift brings', () => {
    const deque = new Deque<string>(2);
    deque.push('b');
    deque.unshift('a');
    deque.push('c');
    expect(deque.peek()).toBe('a');
    expect([...deque]).toEqual(['a', 'b', 'c']);
  });

  it('grows while its start stands in the middle of the ring', () => {
    const deque = new Deque<number>(4);
    for (let i = 0; i < 4; i += 1) deque.push(i);
    deque.shift();
    deque.shift();
    for (let i = 4; i < 12; i += 1) deque.push(i);
    expect([...deque]).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('tells an undefined that it holds from having nothing', () => {
    const deque = new Deque<undefined>();
    deque.push(undefined);
    expect([deque.size, deque.shift(), deque.size]).toEqual([1, undefined, 0]);
  });

  it('lets go of what it gave away: a ring that kept it would hold megabytes until it is overwritten', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const deque = new Deque<object>(4);
    deque.push({ large: true });
    deque.push({ large: true });
    const given = new WeakRef(deque.shift()!);
    const cleared = new WeakRef(deque.peek()!);
    deque.clear();
    await until(() => {
      collect();
      return given.deref() === undefined && cleared.deref() === undefined;
    });
  });

  it.each([1, 2, 3, 16, 17])('does what an array does, from a capacity of %i', (capacity) => {
    const random = seeded();
    const deque = new Deque<number>(capacity);
    const model: number[] = [];
    for (let step = 0; step < 5_000; step += 1) {
      const action = random.pick(['push', 'push', 'unshift', 'shift', 'shift', 'peek', 'clear'] as const);
      const message = `seed ${random.seed}, step ${step}: ${action}`;
      if (action === 'push') {
        deque.push(step);
        model.push(step);
      } else if (action === 'unshift') {
        deque.unshift(step);
        model.unshift(step);
      } else if (action === 'shift') expect(deque.shift(), message).toBe(model.shift());
      else if (action === 'peek') expect(deque.peek(), message).toBe(model[0]);
      else if (random.int(1, 50) === 1) {
        deque.clear();
        model.length = 0;
      }
      expect(deque.size, message).toBe(model.length);
    }
    expect([...deque], `seed ${random.seed}`).toEqual(model);
  });
});
