import { createRequire } from 'node:module';
import pino from 'pino';
import { redact } from './redact.ts';

/** Where the package logs: pino, or anything with its four methods. */
export interface Logger {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

const silent = (): void => {};
export const SILENT: Logger = { debug: silent, info: silent, warn: silent, error: silent };

/** No line leaves with a secret in it, whoever wrote it. */
const hooks = { streamWrite: redact };

/** A pino logger to standard output: JSON lines, or lines for people when `pretty`; secrets are hidden (redact.ts). */
export function createLogger(options: { level: string; pretty: boolean; name?: string }): Logger {
  const base = options.name === undefined ? {} : { name: options.name };
  if (!options.pretty) return pino({ level: options.level, base, hooks });
  // In this thread rather than a worker thread: lines come in order, and the last ones before an exit come at all.
  const prettyStream = createRequire(import.meta.url)('pino-pretty') as (
    options: object,
  ) => pino.DestinationStream;
  const stream = prettyStream({ ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l', sync: true });
  return pino({ level: options.level, base, hooks }, stream);
}
