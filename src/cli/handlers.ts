/** Loads the user's handlers from a module, JavaScript or TypeScript. */
import { spawnSync } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MillraceError, messageOf } from '../errors.ts';
import type { Handler } from '../worker/executor.ts';
import type { Worker } from '../worker/worker.ts';

/** What handlers are registered on. */
export type HandlerTarget = Pick<Worker, 'register' | 'jobtypes'>;

type Exports = Readonly<Record<string, unknown>>;

const TYPESCRIPT = new Set(['.ts', '.mts', '.cts', '.tsx']);

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
  const path = resolve(file);
  await checkFile(file, path);
  const exports = await load(file, path);
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

async function checkFile(file: string, path: string): Promise<void> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? `is not there (looked for ${path})` : messageOf(cause);
    throw invalid(file, why, cause);
  });
  if (!found.isFile()) throw invalid(file, 'is not a file: name the module itself');
}

async function load(file: string, path: string): Promise<Exports> {
  try {
    const url = pathToFileURL(path).href;
    // Node 20 reads no TypeScript by itself. JavaScript is left to Node.
    return TYPESCRIPT.has(extname(path)) ? await loadTypeScript(path, url) : await import(url);
  } catch (cause) {
    throw invalid(file, `does not load: ${messageOf(cause)}${placeOf(cause, path)}`, cause);
  }
}

async function loadTypeScript(path: string, url: string): Promise<Exports> {
  const { createJiti } = await import('jiti');
  const jiti = createJiti(url, {
    // Nothing is written: the file system of a container may be read-only.
    fsCache: false,
    interopDefault: false,
    // What the module imports of this package must be what runs it, not a second copy.
    nativeModules: ['millrace'],
  });
  return jiti.import<Exports>(path);
}

/** Where a syntax error is. Node tells it when it prints one, of an ES module not otherwise: so have it print. */
function placeOf(cause: unknown, path: string): string {
  if (!(cause instanceof SyntaxError)) return '';
  const place = /^(?:file:\/\/)?(\/\S+:\d+)$/m;
  const inStack = place.exec(cause.stack ?? '')?.[1];
  const found = inStack ?? place.exec(spawnSync(process.execPath, ['--check', path]).stderr.toString())?.[1];
  return found === undefined ? '' : ` (${found})`;
}

function isObject(value: unknown): value is Exports {
  return typeof value === 'object' && value !== null;
}

function invalid(file: string, why: string, cause?: unknown): MillraceError {
  return new MillraceError('HANDLERS_INVALID', `the handlers file ${file} ${why}`, { cause });
}
