import { expect, it } from 'vitest';
import { bulkReply, errorReply, NULL_REPLY, OK_REPLY, simpleReply } from '../../src/protocol/replies.ts';

it('writes each kind', () => {
  expect(OK_REPLY).toBe('+OK\r\n');
  expect(NULL_REPLY).toBe('$-1\r\n');
  expect(simpleReply('HI {"v":2}')).toBe('+HI {"v":2}\r\n');
  expect(errorReply('unknown command FOO')).toBe('-ERR unknown command FOO\r\n');
  expect(bulkReply('{}')).toBe('$2\r\n{}\r\n');
});

it('counts bytes, not characters', () => {
  expect(bulkReply('é😀')).toBe('$6\r\né😀\r\n');
  expect(bulkReply('é😀', 6)).toBe('$6\r\né😀\r\n');
});

it('makes one reply of a text with line ends', () => {
  expect(errorReply('Job not found x\r\n+OK\n')).toBe('-ERR Job not found x +OK \r\n');
});
