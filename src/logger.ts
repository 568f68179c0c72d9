import { createRequire } from 'node:module';
import pino from 'pino';
import { readSetting } from './config.ts';
import { messageOf } from './errors.ts';
import { redact } from './redact.ts';

/** Where the package logs: pino, or anything with its four methods. */
export interface Logger {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
  /** pino's: whether lines of this level are written at all. */
  isLevelEnabled?(level: string): boolean;
}

const silent = (): void => {};
export const SILENT: Logger = {
  debug: silent,
  info: silent,
  warn: silent,
  error: silent,
  isLevelEnabled: () => false,
};

/** Whether lines at debug level are worth making. Of a logger that does not say, they are. */
export function isDebug(logger: Logger): boolean {
  return logger.isLevelEnabled?.('debug') ?? true;
}

/**
 * A pino logger to standard output: JSON lines, or lines for people when `pretty`; secrets are hidden (redact.ts),
 * lines over 64,000 characters cut. What it is given to log can make none of its methods throw.
 */
export function createLogger(options: { level: string; pretty: boolean; name?: string }): Logger {
  const base = options.name === undefined ? {} : { name: options.name };
  const pinoOptions = { level: options.level, base, hooks, serializers: { err: showError } };
  if (!options.pretty) return pino(pinoOptions);
  // In this thread rather than a worker thread: lines come in order, and the last ones before an exit come at all.
  const prettyStream = createRequire(import.meta.url)('pino-pretty') as (
    options: object,
  ) => pino.DestinationStream;
  const stream = prettyStream({ ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l', sync: true });
  return pino(pinoOptions, stream);
}

const safe = new WeakSet<Logger>([SILENT]);

/**
 * The same logger, of which nothing throws or rejects: a log line must not cost a job. The first thing that it throws
 * is told as a warning of the process (`MILLRACE_LOGGER`), the others are dropped.
 */
export function safeLogger(logger: Logger): Logger {
  if (safe.has(logger)) return logger;
  let isTold = false;
  const tell = (thrown: unknown): void => {
    if (isTold) return;
    isTold = true;
    const text = `the logger threw, and what it throws is ignored from now on: ${redact(messageOf(thrown))}`;
    process.emitWarning(text, { code: 'MILLRACE_LOGGER' });
  };
  const guarded =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (fields: object, text: string): void => {
      try {
        // One that is async, which its type does not show.
        const result: unknown = logger[level](fields, text);
        if (result instanceof Promise) result.catch(tell);
      } catch (thrown) {
        tell(thrown);
      }
    };
  const wrapped: Logger = {
    debug: guarded('debug'),
    info: guarded('info'),
    warn: guarded('warn'),
    error: guarded('error'),
    isLevelEnabled: (level) => {
      try {
        return logger.isLevelEnabled?.(level) ?? true;
      } catch (thrown) {
        tell(thrown);
        return true;
      }
    },
  };
  safe.add(wrapped);
  return wrapped;
}

const hooks: NonNullable<pino.LoggerOptions['hooks']> = {
  /** No line leaves with a secret in it, whoever wrote it; one that cannot be searched does not leave. */
  streamWrite(line) {
    try {
      return redact(line.length > MAX_LINE ? cutLine(line) : line);
    } catch (thrown) {
      const msg = `a log line could not be shown: ${thrown instanceof Error ? thrown.name : 'it was refused'}`;
      return `${JSON.stringify({ level: 50, time: Date.now(), msg })}\n`;
    }
  },
  /** A getter among the fields may throw, and so may a stream. */
  logMethod(args, method) {
    try {
      method.apply(this, args);
    } catch (thrown) {
      try {
        method.call(this, { reason: messageOf(thrown) }, 'a log line could not be written');
      } catch {
        // There is nowhere left to tell it.
      }
    }
  },
};

const MAX_LINE = 64_000;
const MAX_FIELD = 16_000;
/** How far back a cut looks for a space. */
const MAX_WORD = 1_000;

/**
 * A line that is too long, with each field cut that is, and fields left out from where they are too long together.
 * It is cut before it is searched for secrets, as that is what takes the time.
 */
function cutLine(line: string): string {
  const { msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const kept: [string, unknown][] = [];
  // The text says what the line is about; pino writes it last.
  const text = cutField(msg);
  let room = MAX_LINE - sizeOf(text);
  for (const [name, value] of Object.entries(fields)) {
    const shown = cutField(value);
    room -= sizeOf(name) + sizeOf(shown) + 2;
    if (room >= 0) kept.push([name, shown]);
  }
  kept.push(['cut', line.length], ['msg', text]);
  return `${JSON.stringify(Object.fromEntries(kept))}\n`;
}

const sizeOf = (value: unknown): number => JSON.stringify(value)?.length ?? 0;

/** An object that is too long goes on as text: half of it is no object. */
function cutField(value: unknown): unknown {
  const size = sizeOf(value);
  if (size <= MAX_FIELD) return value;
  // The JSON of a text may be much longer than itself: as much is taken off as makes it fit.
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const most = Math.floor(MAX_FIELD * Math.min(1, text.length / sizeOf(text)));
  // Between two words: of a secret that is cut in half, half would be shown.
  const space = text.lastIndexOf(' ', most);
  return `${text.slice(0, space > most - MAX_WORD ? space : Math.max(0, most - MAX_WORD))} … (cut)`;
}

const MAX_STACK_LINES = 50;
const MAX_STACK_LINE = 200;
/** Of one error: deeper causes are left out, and so are those of a circle. */
const MAX_CAUSES = 4;

interface ShownError {
  type: string;
  code?: string | number;
  message: string;
  stack?: string;
  cause?: ShownError;
}

/** What a log line tells of an error, or of whatever was thrown. Unlike pino's own it reads no field but these. */
function showError(thrown: unknown, causes = MAX_CAUSES): ShownError {
  const shown: ShownError = { type: 'NonError', message: messageOf(thrown) };
  // One at a time: each of them may be a getter that throws.
  attempt(() => {
    if (thrown instanceof Error) shown.type = String(thrown.constructor.name || thrown.name);
  });
  if (typeof thrown !== 'object' || thrown === null) return shown;
  const { code, stack, cause } = Object.fromEntries(
    ['code', 'stack', 'cause'].map((key) => [key, attempt(() => (thrown as Record<string, unknown>)[key])]),
  );
  if (typeof code === 'string' || typeof code === 'number') shown.code = code;
  if (typeof stack === 'string') shown.stack = clipStack(stack);
  if (cause !== undefined && cause !== null && causes > 1) shown.cause = showError(cause, causes - 1);
  return shown;
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function clipStack(stack: string): string {
  const lines = stack.slice(0, MAX_STACK_LINES * MAX_STACK_LINE).split('\n', MAX_STACK_LINES);
  return lines.map((line) => line.slice(0, MAX_STACK_LINE)).join('\n');
}

/** The logger that an option gives: none for false, by default pino by LOG_LEVEL and LOG_PRETTY. */
export function resolveLogger(logger: Logger | false | undefined): Logger {
  if (logger === false) return SILENT;
  if (logger !== undefined) return safeLogger(logger);
  return createLogger({ level: readSetting('LOG_LEVEL'), pretty: readSetting('LOG_PRETTY') });
}
