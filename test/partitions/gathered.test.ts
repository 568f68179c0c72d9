import { expect, it } from 'vitest';
import { Gathered } from '../../src/partitions/gathered.ts';

function doubling(most: number) {
  const calls: number[][] = [];
  const gathered = new Gathered<number, number>(async (items) => {
    calls.push([...items]);
    if (items.includes(13)) throw new Error('unlucky');
    return items.map((item) => 2 * item);
  }, most);
  return { gathered, calls };
}

it('carries out together what comes in one turn, and gives each its own', async () => {
  const { gathered, calls } = doubling(100);
  expect(await Promise.all([1, 2, 3].map((item) => gathered.add(item)))).toEqual([2, 4, 6]);
  expect(await gathered.add(4)).toBe(8);
  expect(calls).toEqual([[1, 2, 3], [4]]);
});

it('takes no more than so many at once; a failure is that of those beside it only', async () => {
  const { gathered, calls } = doubling(2);
  const results = await Promise.allSettled([1, 2, 13, 4, 5].map((item) => gathered.add(item)));
  expect(calls).toEqual([[1, 2], [13, 4], [5]]);
  expect(results.map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected',
    'rejected',
    'fulfilled',
  ]);
});
