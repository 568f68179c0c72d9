/** Who is measured: programs of bench/peers, each doing the same job and counting in the same way. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { redisServer } from '../test/helpers/real-faktory-build.ts';
import { goProgram, isInstalled, rustProgram, type Toolchain } from '../test/independent/build.ts';

/** A peer that can be run. */
export interface Peer {
  readonly name: string;
  /** Of it, and of what it is built or run with. */
  readonly version: string;
  readonly store: 'faktory' | 'redis';
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** What keeps a peer from being run here, for a line that says so. */
export class LeftOut extends Error {}

const FOLDER = fileURLToPath(new URL('./peers/', import.meta.url));
const BULLMQ = join(FOLDER, 'bullmq');
const NPM_MS = 120_000;

const run = promisify(execFile);

function inNode(name: string, version: string, file: string, env: Record<string, string> = {}): Peer {
  return {
    name,
    version,
    store: 'faktory',
    command: process.execPath,
    args: [join(FOLDER, file)],
    env,
  };
}

const versionIn = (packageJson: string): string =>
  (JSON.parse(readFileSync(packageJson, 'utf8')) as { version: string }).version;

const OWN_VERSION = versionIn(join(FOLDER, '../../package.json'));

export const MILLRACE = inNode('millrace', OWN_VERSION, 'millrace.mjs');
/** WORKER_PREFETCH=0: a slot is a fetch loop, and Little's law its bound. */
export const MILLRACE_LOOPS = inNode('millrace-loops', OWN_VERSION, 'millrace.mjs', { PREFETCH: '0' });
/** With all that can be switched on: see peers/everything.mjs. */
export const MILLRACE_EVERYTHING = inNode('millrace-everything', OWN_VERSION, 'millrace.mjs', {
  EVERYTHING: '1',
});

function npmFaktoryWorker(): Peer {
  const packageJson = createRequire(import.meta.url).resolve('faktory-worker/package.json');
  return inNode('faktory-worker', `npm ${versionIn(packageJson)}`, 'faktory-worker.mjs');
}

async function built(name: string, pinnedIn: string, pin: RegExp, toolchain: Toolchain): Promise<Peer> {
  if (!isInstalled(toolchain)) {
    throw new LeftOut(`there is no ${[toolchain.command, ...(toolchain.needs ?? [])].join(' with ')}`);
  }
  const command = await toolchain.build();
  const pinned = pin.exec(readFileSync(join(FOLDER, pinnedIn), 'utf8'))?.[1] ?? '?';
  const version = `${pinned}, ${await toolchain.version()}`;
  return { name, version, store: 'faktory', command, args: [], env: {} };
}

const goWorker = (): Promise<Peer> =>
  built(
    'faktory_worker_go',
    'go/go.mod',
    /faktory_worker_go (v\S+)/,
    goProgram(join(FOLDER, 'go'), 'bench-peer'),
  );

const faktoryRs = (): Promise<Peer> =>
  built(
    'faktory-rs',
    'rust/Cargo.toml',
    /faktory = "=([^"]+)"/,
    rustProgram(join(FOLDER, 'rust'), 'bench-peer', 'release'),
  );

/** Installed into a folder of its own: whoever only uses millrace has no need of it. */
async function bullmq(): Promise<Peer> {
  if (redisServer() === undefined) throw new LeftOut('redis-server is not on the PATH');
  const packageJson = join(BULLMQ, 'node_modules/bullmq/package.json');
  const lock = JSON.parse(readFileSync(join(BULLMQ, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string } | undefined>;
  };
  const wanted = lock.packages['node_modules/bullmq']?.version;
  if (installedVersion(packageJson) !== wanted) {
    await run('npm', ['ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'], {
      cwd: BULLMQ,
      timeout: NPM_MS,
    });
  }
  return {
    ...inNode('bullmq', versionIn(packageJson), 'bullmq/worker.mjs'),
    store: 'redis',
  };
}

function installedVersion(packageJson: string): string | undefined {
  try {
    return versionIn(packageJson);
  } catch {
    return undefined;
  }
}

export const PEERS: Readonly<Record<string, () => Peer | Promise<Peer>>> = {
  millrace: () => MILLRACE,
  'millrace-loops': () => MILLRACE_LOOPS,
  'millrace-everything': () => MILLRACE_EVERYTHING,
  'faktory-worker': npmFaktoryWorker,
  faktory_worker_go: goWorker,
  'faktory-rs': faktoryRs,
  bullmq,
};

export const DEFAULT_PEERS = Object.keys(PEERS).filter((name) => name !== 'millrace-everything');

/** Those that can be run here, built; for each other one a line that says why not. */
export async function preparePeers(names: readonly string[]): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (const name of names) {
    const prepare = PEERS[name];
    if (prepare === undefined)
      throw new Error(`no such peer: ${name}; there are ${Object.keys(PEERS).join(', ')}`);
    try {
      const peer = await prepare();
      console.log(`${peer.name}: ${peer.version}`);
      peers.push(peer);
    } catch (error) {
      console.log(`LEFT OUT: ${name}: ${firstLines(error)}`);
    }
  }
  return peers;
}

/** Of what a toolchain printed, the beginning. */
function firstLines(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n').slice(0, 3).join(' / ').slice(0, 300);
}
