import { execFile } from 'node:child_process';
import { access, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { freePort } from '../helpers/free-port.ts';
import { startNode } from '../helpers/process.ts';

const run = promisify(execFile);

const SOURCES = [
  ...['src', 'examples/handlers.ts', 'package.json', 'tsconfig.json', 'tsconfig.build.json'],
  ...['CHANGELOG.md', 'README.md', 'LICENSE'],
];

/** `npm pack` in what a clone has after `npm ci`: no dist/ yet. */
async function pack(folder: string): Promise<void> {
  const clone = join(folder, 'clone');
  await mkdir(clone);
  await Promise.all(SOURCES.map((name) => cp(name, join(clone, name), { recursive: true })));
  await symlink(resolve('node_modules'), join(clone, 'node_modules'));
  await run('npm', ['pack', '--pack-destination', folder], { cwd: clone });
}

/** The package as others get it, beside its dependencies; what npm itself does is not asked of the network. */
async function install(folder: string): Promise<string> {
  const modules = join(folder, 'node_modules');
  await mkdir(join(modules, 'millrace'), { recursive: true });
  await pack(folder);
  const [tarball] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  await run('tar', ['-xzf', join(folder, tarball!), '-C', join(modules, 'millrace'), '--strip-components=1']);
  const others = (await readdir('node_modules')).filter((name) => !name.startsWith('.'));
  await Promise.all(others.map((name) => symlink(resolve('node_modules', name), join(modules, name))));
  return join(modules, 'millrace');
}

/** Of a field of package.json, every path that it names. */
function pathsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(pathsOf) : [];
}

it('holds what its package.json names, and runs installed in another project: millrace dev with its own example handlers', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-installed-'));
  const millrace = await install(folder);
  const { main, types, typesVersions, exports, bin } = JSON.parse(
    await readFile(join(millrace, 'package.json'), 'utf8'),
  );
  for (const path of pathsOf([
    main,
    types,
    typesVersions,
    exports,
    bin,
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
  ]))
    await expect(access(join(millrace, path))).resolves.toBeUndefined();
  expect(Object.keys(typesVersions['*']).map((name) => `./${name}`)).toEqual(
    Object.keys(exports).filter((name) => name !== '.'),
  );
  const [faktoryPort, apiPort] = [await freePort(), await freePort()];
  const env = {
    FAKTORY_URL: `tcp://127.0.0.1:${faktoryPort}`,
    API_PORT: String(apiPort),
    LOG_PRETTY: 'false',
  };
  await using dev = startNode(join(millrace, 'dist/cli/main.js'), ['dev'], { env, cwd: folder });
  await dev.waitForLine(/jobtypes add, fail, pause/);
  const answer = await fetch(`http://127.0.0.1:${apiPort}/jobs/add`, {
    method: 'POST',
    body: '{"a": 1, "b": 2}',
  });
  expect(answer.status).toBe(202);
  await dev.waitForLine(/"result":3/);
  expect(await dev.stop()).toMatchObject({ code: 0 });
  await rm(folder, { recursive: true });
});
