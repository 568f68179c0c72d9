import type { EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

export interface UntilOptions {
  /** How long to wait before giving up. Default 10,000. */
  timeoutMs?: number;
  /** How often a condition is looked at. Default 5. */
  everyMs?: number;
  /** What is waited for, for the error; a function is asked when the error is made, so it can show the state. */
  what?: string | (() => string);
}

/**
 * Waits until `condition` answers something truthy, and returns that. Tests wait by this instead of sleeping: it
 * ends as soon as the thing happened, and fails with a word on what did not. The deadline is generous since it
 * only decides how long a failing test takes. Timers come from node:timers, which fake timers leave alone.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 10_000, everyMs = 5, what }: UntilOptions = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value as NonNullable<T>;
    if (performance.now() > deadline)
      throw new Error(`${timeoutMs} ms passed without ${say(what, condition)}`);
    await pause(everyMs);
  }
}

/** Waits for the next `event` of an emitter and returns its arguments. An `error` event meanwhile does not end it. */
export async function untilEvent(
  emitter: EventEmitter,
  event: string | symbol,
  { timeoutMs = 10_000, what }: Omit<UntilOptions, 'everyMs'> = {},
): Promise<unknown[]> {
  let listener: ((...args: unknown[]) => void) | undefined;
  const happened = new Promise<unknown[]>((resolve) => {
    listener = (...args) => resolve(args);
    emitter.once(event, listener);
  });
  try {
    return await within(happened, timeoutMs, () => `${timeoutMs} ms passed without ${say(what, event)}`);
  } finally {
    if (listener) emitter.off(event, listener);
  }
}

/** `promise`, or an error with `message` when it takes longer than `timeoutMs`. */
export async function within<T>(promise: Promise<T>, timeoutMs: number, message: () => string): Promise<T> {
  const cancel = new AbortController();
  const late = pause(timeoutMs, undefined, { signal: cancel.signal }).then(() => {
    throw new Error(message());
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => {});
    cancel.abort();
  }
}

function say(what: UntilOptions['what'], otherwise: unknown): string {
  if (typeof what === 'function') return what();
  return what ?? String(otherwise);
}
