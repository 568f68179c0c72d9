/** Loads the user's handlers from a module, JavaScript or TypeScript. */
import { MillraceError, messageOf } from '../errors.ts';
import type { Handler } from '../worker/executor.ts';
import type { Worker } from '../worker/worker.ts';
import { type Exports, loadModule } from './load-module.ts';

/** What handlers are registered on. */
export type HandlerTarget = Pick<Worker, 'register' | 'jobtypes'>;

/**
 * Registers the handlers of a module: its default export is called with the worker where it is a function;
 * otherwise every exported function handles the jobtype of its name (of a CommonJS module: of `module.exports`).
 * Throws HANDLERS_INVALID when the file is missing, does not load, or holds no handler.
 */
export async function loadHandlers(file: string, worker: Worker): Promise<void> {
  await registerHandlers(file, worker, worker);
}

/** The same on whatever takes handlers. */
export async function registerHandlers(file: string, target: HandlerTarget, worker: unknown): Promise<void> {
  const exports = await loadModule(file, (why, cause) => invalid(file, why, cause));
  const { default: whole, ...named } = exports;
  try {
    if (typeof whole === 'function') await whole(worker);
    else registerAll(target, { ...(isObject(whole) ? whole : {}), ...named });
  } catch (cause) {
    throw invalid(file, `failed while it registered its handlers: ${messageOf(cause)}`, cause);
  }
  if (target.jobtypes.length === 0) {
    const forms = 'export functions by jobtype, or by default a function that gets the worker';
    throw invalid(file, `has no handlers: ${forms}`);
  }
}

function registerAll(target: HandlerTarget, exports: Exports): void {
  for (const [jobtype, handler] of Object.entries(exports)) {
    if (typeof handler === 'function') target.register(jobtype, handler as Handler);
  }
}

function isObject(value: unknown): value is Exports {
  return typeof value === 'object' && value !== null;
}

function invalid(file: string, why: string, cause?: unknown): MillraceError {
  return new MillraceError('HANDLERS_INVALID', `the handlers file ${file} ${why}`, { cause });
}
