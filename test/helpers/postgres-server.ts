import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';
import { freePort } from './free-port.ts';
import { noteLeftOut } from './left-out.ts';
import { startProcess } from './process.ts';

/** A Postgres of a test: on loopback, in a folder of its own. */
export interface PostgresServer extends AsyncDisposable {
  readonly url: string;
  /** Of its first process: the others are its children. */
  readonly pid: number;
}

/** Debian keeps each version in a folder of its own, and off the PATH. */
const DEBIAN = '/usr/lib/postgresql';
/** Postgres refuses to run as root: it then runs as nobody. */
const NOBODY = 65_534;

/** The folder of initdb and postgres; undefined where there is no Postgres. */
export function postgresFolder(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(DEBIAN, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ];
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
}

/** `describe`, left out loudly where there is no Postgres; with REQUIRE_POSTGRES=1 it must be. */
export function describeWithPostgres(name: string, cases: () => void): void {
  const isThere = postgresFolder() !== undefined;
  if (!isThere && process.env.REQUIRE_POSTGRES === '1')
    throw new Error('REQUIRE_POSTGRES=1, but there is no initdb on the PATH nor in /usr/lib/postgresql');
  if (!isThere) noteLeftOut(`${name}: there is no Postgres (Debian: apt-get install postgresql)`);
  describe.skipIf(!isThere)(name, cases);
}

/** Returns once it takes connections. `settings` are lines of its configuration: `fsync=off`. */
export async function startPostgres(settings: readonly string[] = ['fsync=off']): Promise<PostgresServer> {
  const folder = postgresFolder();
  if (folder === undefined) throw new Error('there is no Postgres here');
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'millrace-postgres-'));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chownSync(dir, NOBODY, NOBODY);
  const as = isRoot ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];
  const db = join(dir, 'db');
  const [first, ...rest] = [
    ...as,
    ...[
      join(folder, 'initdb'),
      '-D',
      db,
      '-U',
      'millrace',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
    ],
  ];
  execFileSync(first!, rest, { cwd: dir, stdio: 'ignore' });
  const [command, ...args] = [
    ...as,
    ...[join(folder, 'postgres'), '-D', db, '-h', '127.0.0.1', '-p', String(port), '-k', ''],
    ...settings.flatMap((setting) => ['-c', setting]),
  ];
  const child = startProcess(command!, args, { cwd: dir, removeOnDeath: dir });
  await child.waitForLine(/ready to accept connections/, { timeoutMs: 30_000 });
  return {
    url: `postgres://millrace@127.0.0.1:${port}/postgres`,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      // SIGINT: its connections end now.
      await child.stop('SIGINT');
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
