/** Builds the clients in other languages, from pinned sources, into ignored folders. */
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
}

/** The official Go client and faktory_worker_go. About 30 s the first time. */
export const GO: Toolchain = {
  command: 'go',
  async build() {
    const binary = join(FOLDER, 'bin/go-client');
    const env = { CGO_ENABLED: '0', GOWORK: 'off' };
    await run('go', ['build', '-mod=readonly', '-trimpath', '-o', binary, '.'], 'go', env);
    return binary;
  },
};

/** faktory-rs. About a minute the first time. */
export const RUST: Toolchain = {
  command: 'cargo',
  needs: ['cc'],
  async build() {
    await run('cargo', ['build', '--locked', '--quiet'], 'rust', {
      CARGO_TARGET_DIR: join(FOLDER, 'rust/target'),
    });
    return join(FOLDER, 'rust/target/debug/independent');
  },
};

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

function run(command: string, args: string[], folder: string, env: Record<string, string>): Promise<void> {
  const options = { cwd: join(FOLDER, folder), env: { ...process.env, ...env, PATH } };
  return new Promise((resolve, reject) => {
    execFile(command, args, options, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command} ${args.join(' ')}:\n${stdout}${stderr}`.trim()));
      else resolve();
    });
  });
}
