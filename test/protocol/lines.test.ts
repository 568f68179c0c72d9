import { expect, it } from 'vitest';
import { LineReader } from '../../src/protocol/lines.ts';

function readAll(reader: LineReader): string[] {
  const lines: string[] = [];
  for (let line = reader.next(); line !== undefined; line = reader.next()) lines.push(line);
  return lines;
}

const TEXT = 'HELLO {"v":2}\r\nPUSH é€😀\n\r\n\nlone\rCR\r\r\nFETCH a b\r\n';
const LINES = ['HELLO {"v":2}', 'PUSH é€😀', '', '', 'lone\rCR\r', 'FETCH a b'];

it('splits at LF and CRLF', () => {
  const reader = new LineReader();
  reader.push(Buffer.from(TEXT));
  expect(readAll(reader)).toEqual(LINES);
  expect(reader.pending).toBe(0);
});

it('does not mind where the bytes are cut', () => {
  const bytes = Buffer.from(TEXT);
  for (let first = 0; first <= bytes.length; first++) {
    for (let second = first; second <= bytes.length; second += 5) {
      const reader = new LineReader();
      const lines: string[] = [];
      for (const piece of [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)]) {
        reader.push(piece);
        lines.push(...readAll(reader));
      }
      expect(lines).toEqual(LINES);
    }
  }
});

it('keeps lines until they are pulled, in order', () => {
  const reader = new LineReader();
  for (const byte of Buffer.from(TEXT)) reader.push(Buffer.of(byte));
  expect(reader.pending).toBeGreaterThan(0);
  expect(readAll(reader)).toEqual(LINES);
});

it('takes more while some is left to pull', () => {
  const reader = new LineReader();
  reader.push(Buffer.from('a\nb\nc'));
  expect(reader.next()).toBe('a');
  reader.push(Buffer.from('d\ne\n'));
  expect(reader.next()).toBe('b');
  expect(readAll(reader)).toEqual(['cd', 'e']);
});

it('does not keep what it was given: the bytes may be used again', () => {
  const reader = new LineReader();
  const bytes = Buffer.from('partial');
  reader.push(bytes);
  bytes.fill(0);
  reader.push(Buffer.from(' line\n'));
  expect(reader.next()).toBe('partial line');
});

it('has no line until its end has come, however long it is', () => {
  const reader = new LineReader();
  const piece = Buffer.alloc(40_000, 'x');
  for (let i = 0; i < 100; i++) reader.push(piece);
  expect(reader.next()).toBe(undefined);
  expect(reader.pending).toBe(4_000_000);
  reader.push(Buffer.from('\r\n'));
  expect(reader.next()?.length).toBe(4_000_000);
});

it('says when a line is too long to go on with', () => {
  const reader = new LineReader(10);
  expect(reader.push(Buffer.from('0123456789\n'))).toBe(true);
  expect(reader.push(Buffer.from('0123456789'))).toBe(true);
  expect(reader.push(Buffer.from('x'))).toBe(false);
});

it('replaces what is no UTF-8', () => {
  const reader = new LineReader();
  reader.push(Buffer.from([0x61, 0xff, 0x62, 0x0a]));
  expect(reader.next()).toBe('a\ufffdb');
});
