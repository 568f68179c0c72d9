import { describe, expect, it } from 'vitest';
import { type Line, readLines } from '../../src/cli/file-lines.ts';

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function linesOf(text: string, pieceSize: number, maxLine?: number): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const some of readLines(inPieces(Buffer.from(text), pieceSize), maxLine)) lines.push(...some);
  return lines;
}

describe('lines of a stream', () => {
  it('are the same however it is split, and keep their numbers over blank ones', async () => {
    const text = '{"a":"ü🚀"}\r\n\n  \n[1]\nlast';
    const expected = [
      { number: 1, text: '{"a":"ü🚀"}\r' },
      { number: 4, text: '[1]' },
      { number: 5, text: 'last' },
    ];
    for (let size = 1; size <= text.length + 10; size += 1)
      expect(await linesOf(text, size)).toEqual(expected);
  });

  it('are none of an empty stream', async () => {
    expect(await linesOf('', 10)).toEqual([]);
    expect(await linesOf('\n\n', 10)).toEqual([]);
  });

  it('that are too long are told by number, and the next is read again', async () => {
    const text = `ok\n${'x'.repeat(50)}\nfine\n${'y'.repeat(11)}`;
    for (const size of [1, 7, 100]) {
      expect(await linesOf(text, size, 10)).toEqual([
        { number: 1, text: 'ok' },
        { number: 2, text: undefined },
        { number: 3, text: 'fine' },
        { number: 4, text: undefined },
      ]);
    }
  });

  it('come as soon as they are complete', async () => {
    let asked = 0;
    async function* slowly(): AsyncGenerator<Buffer> {
      for (const piece of ['[1]\n[2', ']\n']) {
        asked += 1;
        yield Buffer.from(piece);
      }
    }
    const pieces = readLines(slowly());
    expect((await pieces.next()).value).toEqual([{ number: 1, text: '[1]' }]);
    expect(asked).toBe(1);
    await pieces.return(undefined);
  });
});
