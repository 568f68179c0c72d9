/** Loads a module of the user's, JavaScript or TypeScript. */
import { spawnSync } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf } from '../errors.ts';

export type Exports = Readonly<Record<string, unknown>>;

/** Makes the error to throw: why the file cannot be used. */
export type Invalid = (why: string, cause?: unknown) => Error;

const TYPESCRIPT = new Set(['.ts', '.mts', '.cts', '.tsx']);

/** The exports of a module; throws what `invalid` makes when the file is missing or does not load. */
export async function loadModule(file: string, invalid: Invalid): Promise<Exports> {
  const path = resolve(file);
  await checkFile(path, invalid);
  try {
    const url = pathToFileURL(path).href;
    // Node 20 reads no TypeScript by itself. JavaScript is left to Node.
    return TYPESCRIPT.has(extname(path)) ? await loadTypeScript(path, url) : await import(url);
  } catch (cause) {
    throw invalid(`does not load: ${messageOf(cause)}${placeOf(cause, path)}`, cause);
  }
}

async function checkFile(path: string, invalid: Invalid): Promise<void> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? `is not there (looked for ${path})` : messageOf(cause);
    throw invalid(why, cause);
  });
  if (!found.isFile()) throw invalid('is not a file: name the module itself');
}

async function loadTypeScript(path: string, url: string): Promise<Exports> {
  const { createJiti } = await import('jiti');
  const jiti = createJiti(url, {
    // Nothing is written: the file system of a container may be read-only.
    fsCache: false,
    interopDefault: false,
    // What the module imports of this package must be what runs it, not a second copy. Of an installed package's own
    // examples that would mean themselves.
    nativeModules: path.includes('/node_modules/millrace/') ? [] : ['millrace'],
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
