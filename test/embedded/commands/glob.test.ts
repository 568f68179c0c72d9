import { expect, it } from 'vitest';
import { matchesGlob } from '../../../src/embedded/commands/glob.ts';

it.each([
  ['', '', true],
  ['', 'a', false],
  ['*', '', true],
  ['*', 'anything', true],
  ['abc', 'abc', true],
  ['abc', 'abcd', false],
  ['a*c', 'abbbc', true],
  ['a*c', 'abbbcd', false],
  ['*b*', 'abc', true],
  ['*aab', 'aaaab', true],
  ['a**c', 'ac', true],
  ['a?c', 'abc', true],
  ['a?c', 'ac', false],
  ['[abc]x', 'bx', true],
  ['[a-c]x', 'dx', false],
  ['[c-a]x', 'bx', true],
  ['[^a-c]x', 'dx', true],
  ['[^a]', 'a', false],
  ['[]x', 'x', false],
  ['\\*', '*', true],
  ['\\*', 'a', false],
  ['[\\]]', ']', true],
  ['*\\[[13]\\]*', '{"args":[1]}', true],
  ['*\\[[13]\\]*', '{"args":[2]}', false],
  ['[a', 'a', true],
  ['a\\', 'a\\', true],
  ['*"jobtype":"a*"*', '{"jid":"x","jobtype":"abc","args":[]}', true],
])('%j on %j: %s', (pattern, text, matches) => {
  expect(matchesGlob(pattern, text)).toBe(matches);
});
