/** Builds the clients in other languages, of tests and benchmark, from pinned sources, into ignored folders. */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
/** Where toolchains install themselves, which is not always on the PATH. */
const FOLDERS = ['/usr/local/go/bin', join(homedir(), '.cargo/bin')];
const PATH = [process.env.PATH ?? '', ...FOLDERS].join(delimiter);

export interface Toolchain {
  /** The program that builds. */
  readonly command: string;
  /** What that one calls in turn. */
  readonly needs?: readonly string[];
  /** Resolves to the program that was built. At once, or nearly, when there is nothing new to build. */
  build(): Promise<string>;
  /** In its own words, one line. */
  version(): Promise<string>;
}

/** A Go module's folder; the program is built beside those of the tests. About 30 s the first time. */
export function goProgram(folder: string, name: string): Toolchain {
  return {
    command: 'go',
    async build() {
      const binary = join(FOLDER, 'bin', name);
      const env = { CGO_ENABLED: '0', GOWORK: 'off' };
      await run('go', ['build', '-mod=readonly', '-trimpath', '-o', binary, '.'], folder, env);
      return binary;
    },
    version: () => run('go', ['version'], folder),
  };
}

/** A crate's folder; all share one target folder. About a minute the first time. */
export function rustProgram(folder: string, name: string, profile: 'debug' | 'release'): Toolchain {
  const target = join(FOLDER, 'rust/target');
  const flags = profile === 'release' ? ['--release'] : [];
  return {
    command: 'cargo',
    needs: ['cc'],
    async build() {
      await run('cargo', ['build', '--locked', '--quiet', ...flags], folder, { CARGO_TARGET_DIR: target });
      return join(target, profile, name);
    },
    version: () => run('rustc', ['--version'], folder),
  };
}

/** The official Go client and faktory_worker_go. */
export const GO = goProgram(join(FOLDER, 'go'), 'go-client');

/** faktory-rs. */
export const RUST = rustProgram(join(FOLDER, 'rust'), 'independent', 'debug');

export function isInstalled({ command, needs = [] }: Toolchain): boolean {
  return [command, ...needs].every(isOnPath);
}

function isOnPath(command: string): boolean {
  return PATH.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Resolves to what it printed. */
function run(
  command: string,
  args: string[],
  folder: string,
  env: Record<string, string> = {},
): Promise<string> {
  const options = { cwd: folder, env: { ...process.env, ...env, PATH } };
  return new Promise((resolve, reject) => {
    execFile(command, args, options, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command} ${args.join(' ')}:\n${stdout}${stderr}`.trim()));
      else resolve(stdout.trim());
    });
  });
}
