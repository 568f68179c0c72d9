import { expect, it } from 'vitest';
import { cut } from '../src/cut.ts';

it.each([
  ['abc', 3, 'abc'],
  ['abcd', 3, 'abc'],
  ['ab🚀', 4, 'ab🚀'],
  ['ab🚀', 3, 'ab'],
  ['a🚀b', 3, 'a🚀'],
])('cut(%j, %i) is %j', (text, most, expected) => {
  expect(cut(text, most)).toBe(expected);
});
