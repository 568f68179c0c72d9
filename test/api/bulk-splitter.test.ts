import { describe, expect, it } from 'vitest';
import { ArraySplitter } from '../../src/api/bulk/array-splitter.ts';
import { LineSplitter } from '../../src/api/bulk/line-splitter.ts';
import { formOf, Opening } from '../../src/api/bulk/opening.ts';
import type { Splitter } from '../../src/api/bulk/splitter.ts';

/** All that is found in the chunks: `1 {"a":1}` for an item, or `2 too long`, `broken: …`. */
function found(splitter: Splitter, chunks: readonly Buffer[]): string[] {
  const told: string[] = [];
  const queue = [...chunks];
  for (;;) {
    const what = splitter.next();
    if (what === 'end') return told;
    if (what === 'broken') return [...told, `broken: ${splitter.fault}`];
    if (what === 'item') told.push(`${splitter.number} ${splitter.text() ?? 'not UTF-8'}`);
    if (what === 'too long') told.push(`${splitter.number} too long`);
    if (what !== 'more') continue;
    const chunk = queue.shift();
    if (chunk !== undefined) splitter.feed(chunk);
    // With the last chunk, as a stream says it.
    if (queue.length === 0) splitter.end();
  }
}

const lines = (limit = 1_000): Splitter => new LineSplitter(limit);
const array = (limit = 1_000): Splitter => new ArraySplitter(limit);

/** The body in two at each of its offsets, and byte by byte. */
function* cuts(body: Buffer): Generator<Buffer[]> {
  for (let at = 0; at <= body.length; at += 1) yield [body.subarray(0, at), body.subarray(at)];
  yield [...body].map((code) => Buffer.from([code]));
}

const LINES: readonly (readonly [string, string | Buffer, readonly string[]])[] = [
  ['one a line', '{"a":1}\n{"b":2}\n', ['1 {"a":1}', '2 {"b":2}']],
  ['a last line that does not end', 'a\nb', ['1 a', '2 b']],
  ['carriage returns', 'a\r\nb\r\n\r\nc\r', ['1 a', '2 b', '4 c']],
  ['blank lines, which count', '\n \t\na\n\n\nb\n \n', ['3 a', '6 b']],
  ['nothing', '', []],
  ['blanks only', ' \n\r\n ', []],
  ['letters of several bytes', '"ü→🚀"\n"ü"', ['1 "ü→🚀"', '2 "ü"']],
  ['the replacement character itself', '"\ufffd"\n', ['1 "\ufffd"']],
  ['a line of bytes that are no text', Buffer.from('61ff0a62', 'hex'), ['1 not UTF-8', '2 b']],
  [
    'a line as long as it may be',
    `${'x'.repeat(20)}\r\n${'y'.repeat(20)}`,
    [`1 ${'x'.repeat(20)}`, `2 ${'y'.repeat(20)}`],
  ],
  [
    'lines that are too long',
    `${'x'.repeat(21)}\na\n${'y'.repeat(100)}\r\nb\n${'z'.repeat(22)}`,
    ['1 too long', '2 a', '3 too long', '4 b', '5 too long'],
  ],
];

const ARRAYS: readonly (readonly [string, string | Buffer, readonly string[]])[] = [
  ['its items', '[{"a":1},{"b":[2]}]', ['0 {"a":1}', '1 {"b":[2]}']],
  ['none', ' [ ] \n', []],
  ['blanks', ' [\n 1 ,\t"a" , [ ] ,{ } ]\r\n', ['0 1', '1 "a"', '2 [ ]', '3 { }']],
  [
    'brackets, commas and quotes in strings',
    '["]},[{\\"","\\\\",{"a\\\\\\"]":"}"}]',
    ['0 "]},[{\\""', '1 "\\\\"', '2 {"a\\\\\\"]":"}"}'],
  ],
  ['plain values', '[null,true,-1.5e3]', ['0 null', '1 true', '2 -1.5e3']],
  ['letters of several bytes', '["ü→🚀",{"ü":1}]', ['0 "ü→🚀"', '1 {"ü":1}']],
  ['an item that is no text', Buffer.from('5b22ff222c315d', 'hex'), ['0 not UTF-8', '1 1']],
  [
    'items that are too long',
    `["${'x'.repeat(19)}",{"a":"]${'y'.repeat(30)}"},1,${'2'.repeat(21)}]`,
    ['0 too long', '1 too long', '2 1', '3 too long'],
  ],
  [
    'broken items, as far as their brackets go',
    '[{"a":[}]},x y]',
    ['0 {"a":[}]', 'broken: the array is not JSON: there is neither a comma nor the end behind item 0'],
  ],
  ['nothing but its beginning', '[', ['broken: the array is not JSON: it ends too early']],
  ['the end after a comma', '[1,', ['0 1', 'broken: the array is not JSON: it ends too early']],
  [
    'the end in an item, which is told',
    '[1,{"a',
    ['0 1', '1 {"a', 'broken: the array is not JSON: it ends too early'],
  ],
  ['a comma too many', '[1,]', ['0 1', 'broken: the array is not JSON: item 1 is missing']],
  ['a comma too early', '[,1]', ['broken: the array is not JSON: item 0 is missing']],
  ['something behind it', '[1] 2', ['0 1', 'broken: the array is not JSON: there is more behind its end']],
];

describe.each([
  ['LineSplitter', lines, LINES],
  ['ArraySplitter', array, ARRAYS],
] as const)('%s', (_, make, cases) => {
  it.each(cases)('finds %s, however the body is cut', (_name, text, expected) => {
    const body = Buffer.from(text as string);
    for (const chunks of cuts(body)) expect(found(make(20), chunks)).toEqual(expected);
  });

  it('keeps nothing of what is too long', () => {
    const splitter = make(1_000);
    const chunk = Buffer.alloc(64 * 1024, 'x');
    splitter.feed(Buffer.from('["'));
    splitter.next();
    const before = process.memoryUsage().arrayBuffers;
    for (let count = 0; count < 1_000; count += 1) {
      splitter.feed(chunk);
      expect(splitter.next()).toBe('more');
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
    splitter.feed(Buffer.from('"]\n'));
    expect(splitter.next()).toBe('too long');
  });
});

describe('Opening', () => {
  const MARK = '\ufeff';
  it.each([
    ['[1]', 'array', ['0 1']],
    [' \n\t[1]', 'array', ['0 1']],
    [`${MARK}[1]`, 'array', ['0 1']],
    ['{"a":1}\n2', 'lines', ['1 {"a":1}', '2 2']],
    ['\n\n a', 'lines', ['3 a']],
    [`${MARK}\r\na`, 'lines', ['2 a']],
    [`${MARK}${MARK}a`, 'lines', [`1 ${MARK}a`]],
    ['\xbb', 'lines', ['1 \xbb']],
  ])('tells the form of %j by its first byte', (text, form, expected) => {
    const body = Buffer.from(text);
    for (const chunks of cuts(body)) {
      const opening = new Opening(1_000, undefined);
      let opened: ReturnType<Opening['read']>;
      while (opened === undefined) opened = opening.read(chunks.shift()!);
      expect(opened.form).toBe(form);
      if (chunks.length === 0) opened.splitter.end();
      expect(found(opened.splitter, chunks)).toEqual(expected);
    }
  });

  it('does not drop half of a byte order mark', () => {
    const { splitter } = new Opening(1_000, undefined).read(Buffer.from('efbb61', 'hex'))!;
    splitter.end();
    expect(found(splitter, [])).toEqual(['1 not UTF-8']);
  });

  it('knows no form of blanks', () => {
    expect(new Opening(1_000, undefined).read(Buffer.from(` \n${MARK}`.slice(0, 2)))).toBeUndefined();
  });

  it.each([
    ['application/x-ndjson', 'lines'],
    ['Application/JSONL; charset=utf-8', 'lines'],
    ['application/json', undefined],
    [undefined, undefined],
  ])('is told by the content type %s', (type, form) => {
    expect(formOf(type)).toBe(form);
  });

  it('takes lines where they are demanded, whatever the first byte is', () => {
    expect(new Opening(1_000, 'lines').read(Buffer.from('[1]'))?.form).toBe('lines');
  });
});

describe('ArraySplitter against JSON.parse', () => {
  it('finds the same items, and never more in what is not JSON', () => {
    const seed = Date.now() % 1_000_000;
    const random = randomOf(seed);
    for (let round = 0; round < 3_000; round += 1) {
      const text = spoil(arrayText(random, 3), random);
      const label = `seed ${seed}, round ${round}: ${text}`;
      const told = found(array(10_000), chunked(Buffer.from(text), random));
      const values = told.map((each) => parsed(each.slice(each.indexOf(' ') + 1)));
      const whole = parsed(text);
      if (whole !== undefined)
        expect(
          values.map((each) => each?.value),
          label,
        ).toEqual(whole.value);
      else expect(values, label).toContain(undefined);
    }
  });
});

/** mulberry32: from 0 to below 1, the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function pick<T>(from: readonly T[], random: () => number): T {
  return from[Math.floor(random() * from.length)]!;
}

function valueText(random: () => number, depth: number): string {
  const blank = (): string => pick(['', '', ' ', '\n', '\t '], random);
  if (depth > 0 && random() < 0.3) return blank() + arrayText(random, depth - 1) + blank();
  if (depth > 0 && random() < 0.5) {
    const key = JSON.stringify(pick(['a', 'b"', '\\', '{', ']', 'ü'], random));
    return `${blank()}{${blank()}${key}${blank()}:${valueText(random, depth - 1)}}${blank()}`;
  }
  const plain = [
    '1',
    '-2.5e-3',
    'true',
    'null',
    '""',
    '"]"',
    '"\\\\"',
    '"\\""',
    '"\\u005b"',
    '"→🚀"',
    '"a,b"',
  ];
  return blank() + pick(plain, random) + blank();
}

function arrayText(random: () => number, depth: number): string {
  const items = Array.from({ length: Math.floor(random() * 4) }, () => valueText(random, depth));
  return `[${items.join(',')}]`;
}

/** Half of them: a character is lost, doubled, or another. */
function spoil(text: string, random: () => number): string {
  if (random() < 0.5) return text;
  const letters = [...text];
  const at = Math.floor(random() * letters.length);
  letters[at] = pick(['', letters[at]!.repeat(2), ...'[]{},:"\\ 1'], random);
  const spoilt = letters.join('');
  // Another form, which Opening tells.
  return /^\s*\[/.test(spoilt) ? spoilt : text;
}

function chunked(body: Buffer, random: () => number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const size = 1 + Math.floor(random() * 12);
    chunks.push(body.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: (JSON.parse(text) as unknown[]) ?? null };
  } catch {
    return undefined;
  }
}
