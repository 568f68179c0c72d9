import { MillraceError } from '../../errors.ts';
import type { HandlerOptions } from '../handler-options.ts';

/** How the jobs of a jobtype are gathered for its batch handler: the second argument of `registerBatch`. */
export interface BatchOptions extends Pick<HandlerOptions, 'handlerTimeoutMs' | 'retry' | 'breaker'> {
  /** The most jobs that one call gets. */
  maxSize: number;
  /** How long the first job of a batch waits for the others, in ms (default 100). */
  maxDelayMs?: number;
  /** Calls that may run at once, each in one slot (default: as many as there are slots). */
  concurrency?: number;
}

/** With its defaults. */
export interface BatchRules {
  readonly maxSize: number;
  readonly maxDelayMs: number;
  readonly concurrency: number;
  readonly handlerTimeoutMs: number | undefined;
  /** The credit of its queue: jobs that run in batches, are gathered, or are on their way. */
  readonly room: number;
}

const DEFAULT_DELAY_MS = 100;
/** The most jobs of a call; and what is gathered beyond is of use to nobody: at 40,000 jobs/s it is 400 ms of them. */
const MOST_GATHERED = 16_384;

/** Options of single jobs that mean nothing here: the types do not have them, but JavaScript may. */
const NOT_FOR_BATCHES = ['reduceTo', 'rate', 'queue'] as const;

/** Throws CONFIG_INVALID, naming the option. `slots`: handlers that run at once. */
export function batchRules(jobtype: string, options: BatchOptions, slots: number): BatchRules {
  const { maxSize, maxDelayMs = DEFAULT_DELAY_MS, concurrency = slots, handlerTimeoutMs } = options;
  const wrong = (name: string, got: unknown, takes: string): MillraceError =>
    new MillraceError(
      'CONFIG_INVALID',
      `${name} of the batches of "${jobtype}" is ${String(got)}, it takes ${takes}`,
    );
  for (const name of NOT_FOR_BATCHES)
    if ((options as HandlerOptions)[name] !== undefined)
      throw new MillraceError('CONFIG_INVALID', `the batches of "${jobtype}" take no ${name}`);
  if (!(Number.isSafeInteger(maxSize) && maxSize >= 1 && maxSize <= MOST_GATHERED))
    throw wrong('maxSize', maxSize, `a whole number from 1 to ${MOST_GATHERED}`);
  if (!(maxDelayMs >= 0 && maxDelayMs < 2 ** 31))
    throw wrong('maxDelayMs', maxDelayMs, 'a time from 0 to 24 days');
  if (!(Number.isSafeInteger(concurrency) && concurrency >= 1))
    throw wrong('concurrency', concurrency, 'a whole number from 1');
  return { maxSize, maxDelayMs, concurrency, handlerTimeoutMs, room: roomOf(maxSize, concurrency) };
}

/** What the batches that run hold, and as many jobs again that the next ones are made of. */
export function roomOf(maxSize: number, concurrency: number): number {
  const held = concurrency * maxSize;
  return held + Math.min(held, MOST_GATHERED);
}
