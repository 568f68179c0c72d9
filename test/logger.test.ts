import { afterEach, describe, expect, it, vi } from 'vitest';
import { createLogger, type Logger, SILENT, safeLogger } from '../src/logger.ts';
import { forgetSecrets, hideSecret } from '../src/redact.ts';
import { turns } from './connection/ask.ts';

afterEach(() => {
  vi.restoreAllMocks();
  forgetSecrets();
});

type Line = Record<string, unknown>;

/** What a logger of ours writes while `log` runs. pino writes to process.stdout only where that was tampered with. */
function written(log: (logger: Logger) => void): Line[] {
  const texts: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => texts.push(String(text)) > 0);
  try {
    log(createLogger({ level: 'debug', pretty: false }));
  } finally {
    write.mockRestore();
  }
  return texts
    .join('')
    .split('\n')
    .slice(0, -1)
    .map((text) => JSON.parse(text) as Line);
}

const throwing = (name: string): object =>
  Object.defineProperty(new Error('oops'), name, {
    enumerable: true,
    get: () => {
      throw new Error('a getter');
    },
  });

describe('a line', () => {
  it('holds the fields, the text, and no secret', () => {
    hideSecret('hunter22-hunter22');
    const [line] = written((logger) =>
      logger.warn({ jid: 'x', url: 'tcp://:pw@h', n: 1 }, 'got hunter22-hunter22'),
    );
    expect(line).toEqual({
      level: 40,
      time: expect.any(Number),
      jid: 'x',
      url: 'tcp://***@h',
      n: 1,
      msg: 'got ***',
    });
  });

  it('tells of an error what it is, and what led to it', () => {
    const cause = Object.assign(new TypeError('inner tcp://:pw@h'), {
      code: 'ECONNREFUSED',
      other: 'left out',
    });
    const [line] = written((logger) => logger.error({ err: new Error('outer', { cause }) }, 'failed'));
    expect(line!.err).toEqual({
      type: 'Error',
      message: 'outer',
      stack: expect.stringMatching(/^Error: outer\n +at /),
      cause: {
        type: 'TypeError',
        code: 'ECONNREFUSED',
        message: 'inner tcp://***@h',
        stack: expect.stringContaining('TypeError: inner tcp://***@h'),
      },
    });
  });

  it('tells of a long error only the start, and of a circle of causes not all', () => {
    const error = new Error('x'.repeat(1e6));
    error.stack = 'at here\n'.repeat(1e5);
    error.cause = error;
    const [line] = written((logger) => logger.error({ err: error }, 'failed'));
    const { message, stack, cause } = line!.err as Line;
    expect((message as string).length).toBe(4_096);
    expect((stack as string).split('\n')).toHaveLength(50);
    expect(cause).toMatchObject({ cause: { cause: { type: 'Error' } } });
  });

  it.each<[string, unknown]>([
    ['a getter of its own', throwing('detail')],
    ['its message', throwing('message')],
    ['its stack', throwing('stack')],
    ['its code', throwing('code')],
    ['its cause', throwing('cause')],
    ['its constructor', throwing('constructor')],
    [
      'everything of it',
      new Proxy(new Error('x'), {
        get: () => {
          throw new Error('a trap');
        },
        getPrototypeOf: () => {
          throw new Error('a trap');
        },
      }),
    ],
    ['nothing, but it is a text', 'oops'],
    ['nothing, but it is null', null],
    ['nothing, but it is no Error', Object.create(null)],
  ])('is written of an error of which %s throws', (_what, err) => {
    const lines = written((logger) => logger.error({ err, jid: 'x' }, 'failed'));
    expect(lines).toMatchObject([{ jid: 'x', msg: 'failed', err: { message: expect.any(String) } }]);
  });

  it.each(['err', 'other'])('is told of when a field throws: %s', (name) => {
    const lines = written((logger) => logger.error(throwing(name), 'failed'));
    expect(lines).toHaveLength(1);
    const fields = written((logger) =>
      logger.error(
        Object.defineProperty({}, name, Object.getOwnPropertyDescriptor(throwing(name), name)!),
        'failed',
      ),
    );
    expect(fields).toMatchObject([{ level: 50, reason: 'a getter', msg: 'a log line could not be written' }]);
  });

  it.each<[string, object]>([
    ['a long text', { a: 'word '.repeat(1e5), b: 1 }],
    ['much that is escaped', { a: '\u0001'.repeat(1e6), b: 1 }],
    ['one long word', { a: 'x'.repeat(1e6), b: 1 }],
    ['a long list', { a: Array.from({ length: 1e5 }, (_, k) => k), b: 1 }],
    [
      'many fields',
      { b: 1, ...Object.fromEntries(Array.from({ length: 1e4 }, (_, k) => [`f${k}`, 'some text'])) },
    ],
  ])('that is too long is cut, and stays JSON: %s', (_what, fields) => {
    const [line] = written((logger) => logger.info(fields, `text ${'long '.repeat(1e5)}`));
    expect(line).toMatchObject({
      level: 30,
      b: 1,
      cut: expect.any(Number),
      msg: expect.stringMatching(/^text long .* … \(cut\)$/),
    });
    expect(JSON.stringify(line).length).toBeLessThan(70_000);
  });

  it('is not cut through a secret', () => {
    hideSecret('hunter22-hunter22');
    for (let before = 15_900; before < 16_100; before += 7) {
      const text = `${'x '.repeat(before / 2)}hunter22-hunter22 ${'y '.repeat(40_000)}`;
      const [line] = written((logger) => logger.info({ text }, 'long'));
      expect(line!.text).not.toContain('hunter');
    }
  });

  it('that cannot be searched is not written as it is', () => {
    vi.spyOn(JSON, 'parse').mockImplementation(() => {
      throw new RangeError('oops s3cret');
    });
    const texts: string[] = [];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => texts.push(String(text)) > 0);
    createLogger({ level: 'info', pretty: false }).info({ text: 's3cret'.repeat(20_000) }, 'x');
    vi.restoreAllMocks();
    expect(JSON.parse(texts.join(''))).toMatchObject({
      level: 50,
      msg: 'a log line could not be shown: RangeError',
    });
  });
});

describe('safeLogger', () => {
  const lines: unknown[] = [];
  const levels = ['debug', 'info', 'warn', 'error'] as const;

  it('hands on what it is given, with the logger as `this`', () => {
    class Custom {
      readonly lines: unknown[] = [];
      debug = this.keep;
      info = this.keep;
      warn = this.keep;
      error = this.keep;
      keep(fields: object, text: string): void {
        this.lines.push([fields, text]);
      }
    }
    const custom = new Custom();
    const wrapped = safeLogger(custom);
    for (const level of levels) wrapped[level]({ level }, 'text');
    expect(custom.lines).toEqual(levels.map((level) => [{ level }, 'text']));
  });

  it('swallows what is thrown or rejected, after one warning without secrets', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const fail = (): never => {
      throw new Error('no disk at tcp://:pw@h');
    };
    const wrapped = safeLogger({
      debug: fail,
      info: async () => fail(),
      warn: (fields) => void lines.push(fields),
    } as Partial<Logger> as Logger);
    for (const level of levels) wrapped[level]({ level }, 'text');
    await turns();
    expect(lines).toEqual([{ level: 'warn' }]);
    expect(warned.mock.calls).toEqual([
      [
        'the logger threw, and what it throws is ignored from now on: no disk at tcp://***@h',
        { code: 'MILLRACE_LOGGER' },
      ],
    ]);
  });

  it('wraps once', () => {
    expect(safeLogger(SILENT)).toBe(SILENT);
    const wrapped = safeLogger(console);
    expect(safeLogger(wrapped)).toBe(wrapped);
  });
});
