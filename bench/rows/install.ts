/** Row 12: what `npm install` of the package brings, and how soon a worker of it is ready. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startEmbeddedFaktory } from '../../test/helpers/embedded-faktory.ts';
import { LeftOut } from '../peers.ts';
import { spreadOf } from '../table.ts';
import type { Row } from './row.ts';

const run = promisify(execFile);

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const NPM_MS = 180_000;
const STARTS = 5;
const START_LIMIT_MS = 20_000;

/** Ready: Faktory has answered HELLO. */
const SDK = `import { Worker } from 'millrace';
const worker = new Worker({ logger: false });
worker.register('noop', () => {});
await worker.work();
console.log('ready');
`;
const HANDLERS = 'export const noop = () => {};\n';

interface Installed {
  readonly dir: string;
  /** Of all files together, and with what a file system rounds each up to. */
  readonly megabytes: number;
  readonly onDisk: number;
  readonly warnings: number;
}

let installed: Promise<Installed> | undefined;

export const install: Row = {
  ids: ['12'],
  takes: 15,
  async measure({ note }) {
    installed ??= installPackage();
    const { dir, megabytes, onDisk, warnings } = await installed;
    const line = (what: string, target: string, digits = 0) => ({ row: '12', what, target, digits });
    note(line('npm install --omit=dev: MB of files', 'under 30', 1), megabytes);
    note(line('npm install --omit=dev: MB on disk, in blocks of 4 KiB', '', 1), onDisk);
    note(line(`npm install --omit=dev on Node ${process.versions.node}: warnings`, '0'), warnings);
    await using faktory = await startEmbeddedFaktory();
    const cli = ['node_modules/millrace/dist/cli/main.js', 'worker', './handlers.mjs'];
    for (const [name, args, pattern] of [
      ['a program with a Worker', ['sdk.mjs'], /ready/],
      ['millrace worker', cli, /the worker runs jobs/],
    ] as const) {
      const times: number[] = [];
      for (let i = 0; i < STARTS; i += 1) times.push(await untilReady(dir, args, pattern, faktory.url));
      note(line(`${name}: ms from spawn to ready`, 'under 300'), spreadOf(times).median);
    }
  },
};

/** Once a run. */
async function installPackage(): Promise<Installed> {
  const dir = await mkdtemp(join(tmpdir(), 'bench-install-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, 'package.json'), '{ "private": true, "type": "module" }\n');
  writeFileSync(join(dir, 'sdk.mjs'), SDK);
  writeFileSync(join(dir, 'handlers.mjs'), HANDLERS);
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', dir];
  const { stdout } = await run('npm', pack, { cwd: REPOSITORY, timeout: NPM_MS });
  const tarball = /"filename":\s*"([^"]+)"/.exec(stdout)?.[1] ?? '';
  const options = { cwd: dir, timeout: NPM_MS };
  const { stderr } = await run(
    'npm',
    ['install', '--omit=dev', '--no-audit', '--no-fund', `./${tarball}`],
    options,
  ).catch((error: Error) => {
    throw new LeftOut(`npm install: ${error.message.slice(0, 300)}`);
  });
  // Of this machine's own npm configuration it warns, too.
  const warnings = stderr.split('\n').filter((text) => /^npm warn/i.test(text) && !/ config /.test(text));
  for (const warning of warnings) console.log(warning);
  const bytes = async (flags: string): Promise<number> =>
    Number.parseInt((await run('du', [flags, join(dir, 'node_modules')])).stdout, 10);
  return {
    dir,
    megabytes: (await bytes('-sb')) / 1e6,
    onDisk: ((await bytes('-sk')) * 1024) / 1e6,
    warnings: warnings.length,
  };
}

async function untilReady(
  dir: string,
  args: readonly string[],
  pattern: RegExp,
  faktoryUrl: string,
): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: dir,
    env: { PATH: process.env.PATH, FAKTORY_URL: faktoryUrl },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = once(child, 'exit');
  const limit = setTimeout(() => child.kill('SIGKILL'), START_LIMIT_MS);
  let output = '';
  const ready = new Promise<number>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (pattern.test(output)) resolve(performance.now() - startedAt);
      });
    }
  });
  const tooEarly = exit.then(() => {
    throw new Error(`the worker ended before it was ready: ${output.slice(-300)}`);
  });
  tooEarly.catch(() => {});
  try {
    return await Promise.race([ready, tooEarly]);
  } finally {
    clearTimeout(limit);
    child.kill('SIGKILL');
    await exit;
  }
}
