import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The pinned versions of test/faktory/: the one to run, and the one most people run. */
export const FAKTORY_VERSIONS = ['1.10.0', '1.9.4'] as const;
export type FaktoryVersion = (typeof FAKTORY_VERSIONS)[number];

const FOLDER = fileURLToPath(new URL('../faktory/', import.meta.url));

/** Where the official Go packages install themselves, which is not always on the PATH. */
const GO_FOLDER = '/usr/local/go/bin';

export function faktoryBinary(version: FaktoryVersion): string {
  return join(FOLDER, 'bin', `faktory-${version}`);
}

/** Path of the system's redis-server, or undefined. */
export function redisServer(): string | undefined {
  return onPath('redis-server');
}

/** What keeps the real Faktory from running here, in a few words; undefined when nothing does. */
export function whyNoRealFaktory(version: FaktoryVersion = '1.10.0'): string | undefined {
  if (!redisServer()) return 'redis-server is not on the PATH';
  if (isExecutable(faktoryBinary(version))) return undefined;
  return onPath('go') ? 'test/faktory/build.sh did not build it' : 'there is no go on the PATH to build it';
}

/**
 * Whether tests can run on the real Faktory: its build is there (the system project's global set-up makes it) and
 * so is redis-server. With REQUIRE_REAL_FAKTORY=1, as in .ci/run, its absence is an error and nothing is skipped.
 */
export function realFaktoryAvailable(version: FaktoryVersion = '1.10.0'): boolean {
  const reason = whyNoRealFaktory(version);
  if (reason === undefined) return true;
  if (process.env.REQUIRE_REAL_FAKTORY === '1') {
    throw new Error(`REQUIRE_REAL_FAKTORY=1, but Faktory ${version} cannot run: ${reason}`);
  }
  return false;
}

/** Builds what is not built yet, if Go is here. Returns what the build printed; rejects with it when it fails. */
export function buildRealFaktory(): Promise<string> {
  if (!onPath('go')) return Promise.resolve('');
  const env = { ...process.env, PATH: [process.env.PATH, GO_FOLDER].join(delimiter) };
  return new Promise((resolve, reject) => {
    execFile(join(FOLDER, 'build.sh'), { env }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${stdout}${stderr}`.trim() || error.message));
      else resolve(stdout.trim());
    });
  });
}

function onPath(command: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  if (command === 'go') folders.push(GO_FOLDER);
  return folders.map((folder) => join(folder, command)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
