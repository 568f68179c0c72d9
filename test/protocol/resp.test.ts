import { describe, expect, it } from 'vitest';
import {
  BULK,
  ERROR,
  NULL,
  OVERSIZED,
  type ReplyKind,
  ReplyParser,
  SIMPLE,
} from '../../src/protocol/resp.ts';
import { type Seeded, seeded } from './seeded.ts';

type Reply = [kind: ReplyKind, text: string];

/** What a new parser makes of the pieces. */
function parse(pieces: Iterable<string | Buffer>, maxBulkBytes?: number): Reply[] {
  const replies: Reply[] = [];
  const parser = new ReplyParser((kind, text) => replies.push([kind, text]), maxBulkBytes);
  for (const piece of pieces) parser.push(Buffer.from(piece));
  return replies;
}

function* slices(bytes: Buffer, size: () => number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const end = at + size();
    yield bytes.subarray(at, end);
    at = end;
  }
}

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
const violation = expect.objectContaining({ code: 'PROTOCOL_VIOLATION' });

/** One of each, and what they mean. */
const WIRE = Buffer.from(
  [
    '+OK\r\n',
    '+\r\n',
    '-ERR Job not found ümläut\r\n',
    '$-1\r\n',
    '$0\r\n\r\n',
    '$2\r\n{}\r\n',
    bulk('a\r\nb$5\r\n+OK\r\n'),
    bulk('{"args":["é€🦆","\\r\\n"]}'),
    '-\r\n',
    '+HI {"v":2}\n',
  ].join(''),
);
const MEANING: Reply[] = [
  [SIMPLE, 'OK'],
  [SIMPLE, ''],
  [ERROR, 'ERR Job not found ümläut'],
  [NULL, ''],
  [BULK, ''],
  [BULK, '{}'],
  [BULK, 'a\r\nb$5\r\n+OK\r\n'],
  [BULK, '{"args":["é€🦆","\\r\\n"]}'],
  [ERROR, ''],
  [SIMPLE, 'HI {"v":2}'],
];

describe('ReplyParser', () => {
  it('reads every type of reply out of one piece', () => {
    expect(parse([WIRE])).toEqual(MEANING);
  });

  it('reads the same when it is split in two, anywhere', () => {
    for (let at = 0; at <= WIRE.length; at += 1) {
      expect(parse([WIRE.subarray(0, at), WIRE.subarray(at)]), `split at ${at}`).toEqual(MEANING);
    }
  });

  it('reads the same a byte at a time', () => {
    expect(parse(slices(WIRE, () => 1))).toEqual(MEANING);
  });

  it('tells of a reply as soon as its last byte is there, and not before', () => {
    for (const reply of ['+OK\r\n', '-ERR no\r\n', '$-1\r\n', '$0\r\n\r\n', bulk('é')]) {
      const bytes = Buffer.from(reply);
      expect(parse(slices(bytes.subarray(0, -1), () => 1)), JSON.stringify(reply)).toEqual([]);
      expect(parse(slices(bytes, () => 1)), JSON.stringify(reply)).toHaveLength(1);
    }
  });

  it('keeps what it was given when the caller uses its buffer again', () => {
    const replies: Reply[] = [];
    const parser = new ReplyParser((kind, text) => replies.push([kind, text]));
    const shared = Buffer.alloc(8);
    for (const part of ['-ERR par', 'tial li', 'ne\r\n']) {
      shared.write(part);
      parser.push(shared.subarray(0, part.length));
    }
    expect(replies).toEqual([[ERROR, 'ERR partial line']]);
  });

  it('takes an empty piece for nothing', () => {
    expect(parse(['', '$2\r\n', '', 'ab', '', '\r\n', ''])).toEqual([[BULK, 'ab']]);
  });

  it('reads 16 MB in pieces as a socket brings them, and goes on behind them', () => {
    const text = `é${'x'.repeat(16 * 1024 * 1024)}🦆`;
    const bytes = Buffer.from(`+OK\r\n${bulk(text)}+OK\r\n`);
    const replies = parse(slices(bytes, () => 65_536));
    expect(replies.map(([kind]) => kind)).toEqual([SIMPLE, BULK, SIMPLE]);
    expect(replies[1]![1] === text).toBe(true);
  });

  it('makes the same of the same bytes whatever the slicing, the k-th reply of the k-th', () => {
    const random = seeded();
    for (let round = 0; round < 200; round += 1) {
      const maxBulkBytes = 64;
      const { wire, meaning } = conversation(random, maxBulkBytes);
      const most = random.pick([1, 3, 17, 100, 5_000]);
      const replies = parse(
        slices(wire, () => random.int(1, most)),
        maxBulkBytes,
      );
      expect(replies, `seed ${random.seed}, round ${round}, slices up to ${most}`).toEqual(meaning);
    }
  });
});

/** A random row of replies, each numbered so that none can stand for another. */
function conversation(random: Seeded, maxBulkBytes: number): { wire: Buffer; meaning: Reply[] } {
  const wire: string[] = [];
  const meaning: Reply[] = [];
  const count = random.int(1, 60);
  for (let k = 0; k < count; k += 1) {
    const text = `${k}:${'aé€🦆\r\n$-+'.repeat(random.int(0, 20))}`;
    const line = text.replace(/[\r\n]/g, ' ');
    const bytes = Buffer.from(text);
    const kind = random.pick([SIMPLE, ERROR, BULK, BULK, NULL] as const);
    if (kind === SIMPLE) wire.push(`+${line}\r\n`);
    else if (kind === ERROR) wire.push(`-${line}\r\n`);
    else wire.push(kind === NULL ? '$-1\r\n' : bulk(text));
    if (kind === NULL) meaning.push([NULL, '']);
    else if (kind !== BULK) meaning.push([kind, line]);
    else meaning.push(bytes.length > maxBulkBytes ? [OVERSIZED, text] : [BULK, text]);
  }
  return { wire: Buffer.from(wire.join('')), meaning };
}

describe('a reply over the bound', () => {
  const head = `{"jid":"jid-0001","args":["${'x'.repeat(40_000)}`;
  const text = `${head}${'y'.repeat(100_000)}"]}`;
  const bytes = Buffer.from(`+before\r\n${bulk(text)}$-1\r\n${bulk('after')}`);

  it.each([1_000, 16_384, 65_536, Number.MAX_SAFE_INTEGER])(
    'is told with its head, in step with those around it, in slices of %i',
    (size) => {
      const replies = parse(
        slices(bytes, () => size),
        100_000,
      );
      expect(replies).toEqual([
        [SIMPLE, 'before'],
        [OVERSIZED, text.slice(0, 16 * 1024)],
        [NULL, ''],
        [BULK, 'after'],
      ]);
    },
  );

  it('is only what is larger than the bound', () => {
    expect(parse([bulk('12345678')], 8)).toEqual([[BULK, '12345678']]);
    expect(parse([bulk('123456789')], 8)).toEqual([[OVERSIZED, '123456789']]);
  });

  it('is not kept: gigabytes go by in little memory', () => {
    const length = 2 * 1024 ** 3;
    const chunk = Buffer.alloc(8 * 1024 * 1024, 'x');
    const replies: Reply[] = [];
    const parser = new ReplyParser((kind, reply) => replies.push([kind, reply]));
    parser.push(Buffer.from(`$${length}\r\n`));
    const before = process.memoryUsage().arrayBuffers;
    for (let sent = 0; sent < length; sent += chunk.length) parser.push(chunk);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(chunk.length);
    parser.push(Buffer.from('\r\n+OK\r\n'));
    expect(replies.map(([kind, reply]) => [kind, reply.length])).toEqual([
      [OVERSIZED, 16 * 1024],
      [SIMPLE, 2],
    ]);
  });
});

describe('what is no reply', () => {
  it.each([
    ['an unknown type', ':42\r\n'],
    ['an array', '*1\r\n$2\r\nOK\r\n'],
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n'],
    ['an empty line', '\r\n'],
    ['a bare LF', '\n'],
    ['a bulk string of no length', '$\r\n'],
    ['a length that is no number', '$12x\r\n'],
    ['a length with a space', '$ 2\r\nab\r\n'],
    ['a negative length', '$-2\r\n'],
    ['a null with a zero before', '$-01\r\n'],
    ['a length of thirteen digits', '$1234567890123\r\n'],
    ['a bulk string longer than it said', '$2\r\nabc\r\n'],
    ['a bulk string that ends in LF CR', '$2\r\nab\n\r'],
    ['a bulk string that ends in CR and more', '$2\r\nab\rx'],
    ['a bulk string that ends in LF', '$2\r\nabx\n'],
    ['a line of 70 kB', `-${'x'.repeat(70_000)}\r\n`],
    ['a line of 70 kB that has no end yet', `-${'x'.repeat(70_000)}`],
  ])('is a PROTOCOL_VIOLATION: %s', (_name, wire) => {
    expect(() => parse([wire])).toThrow(violation);
    expect(() => parse(slices(Buffer.from(wire), () => 7))).toThrow(violation);
  });

  it('comes after the replies before it were told', () => {
    const replies: Reply[] = [];
    const parser = new ReplyParser((kind, text) => replies.push([kind, text]));
    expect(() => parser.push(Buffer.from('+OK\r\n$2\r\n{}\r\n?\r\n'))).toThrow(violation);
    expect(replies).toEqual([
      [SIMPLE, 'OK'],
      [BULK, '{}'],
    ]);
  });

  it('is shown in one line, escaped and short', () => {
    expect(() => parse([`\u0000\u0001SSH-2.0\r\n${'x'.repeat(100)}`])).toThrow(
      /^the peer is no Faktory.{1,150}$/,
    );
  });
});
