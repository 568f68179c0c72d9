import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { freePort } from '../helpers/free-port.ts';
import { startNode } from '../helpers/process.ts';

const run = promisify(execFile);

/** The package as others get it, beside its dependencies; what npm itself does is not asked of the network. */
async function install(folder: string): Promise<string> {
  const modules = join(folder, 'node_modules');
  await mkdir(join(modules, 'millrace'), { recursive: true });
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder]);
  const [tarball] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  await run('tar', ['-xzf', join(folder, tarball!), '-C', join(modules, 'millrace'), '--strip-components=1']);
  const others = (await readdir('node_modules')).filter((name) => !name.startsWith('.'));
  await Promise.all(others.map((name) => symlink(resolve('node_modules', name), join(modules, name))));
  return join(modules, 'millrace');
}

it('runs installed in another project: millrace dev with its own example handlers', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-installed-'));
  const millrace = await install(folder);
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
