/** examples/systemd, examples/swarm and examples/kubernetes, as the programs that read them do. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Container, manifests } from '../examples/manifests.ts';
import { describeCompose, REPOSITORY, readCompose, type Service } from '../helpers/compose.ts';
import { describeWithRedis } from '../helpers/describe-with-redis.ts';
import { freePort } from '../helpers/free-port.ts';
import { noteLeftOut } from '../helpers/left-out.ts';
import { startProcess } from '../helpers/process.ts';

const run = promisify(execFile);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-deploy-'));
});
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

const hasSystemd = (process.env.PATH ?? '')
  .split(delimiter)
  .some((each) => existsSync(join(each, 'systemd-analyze')));
if (!hasSystemd) noteLeftOut('the systemd units: systemd-analyze is not on the PATH');

describe.skipIf(!hasSystemd)('the systemd units', () => {
  it('are such as systemd takes, without a word', async () => {
    const units = join(REPOSITORY, 'examples/systemd');
    const names = (await readdir(units)).filter((name) => name.endsWith('.service'));
    expect(names).toHaveLength(2);
    for (const name of names) {
      const text = await readFile(join(units, name), 'utf8');
      // It must be there, and is not on this machine.
      const placed = text.replace('/opt/millrace/node_modules/.bin/millrace', process.execPath);
      const file = join(folder, name.replace('@', '@3'));
      await writeFile(file, placed);
      const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', file]);
      expect(`${stdout}${stderr}`).toBe('');
    }
  });
});

describeWithRedis('the Redis of examples/kubernetes', () => {
  it('asks for the password, which no list of processes shows', async () => {
    const redis = manifests().find(({ kind, file }) => kind === 'StatefulSet' && file === 'redis.yaml')!;
    const { command } = redis.spec.template.spec.containers[0] as Container;
    await expectPassword(command!, { REDISCLI_AUTH: 's3cret' });
    await expectRefused(command!, { REDISCLI_AUTH: '' });
  });
});

describeCompose('the stack for Swarm', () => {
  const read = (): Promise<Record<string, Service>> =>
    readCompose(['-f', 'examples/swarm/stack.yml', 'config'], folder, { MILLRACE_IMAGE: 'millrace' });

  it('has a Redis that asks for the password, which no list of processes shows', async () => {
    const { redis } = await read();
    const secret = join(folder, 'redis_password');
    await writeFile(secret, 's3cret\n');
    const command = redis!.command.map((word) => word.replace('/run/secrets/redis_password', secret));
    await expectPassword(command);
    await writeFile(secret, '');
    await expectRefused(command);
    await rm(secret);
    await expectRefused(command);
  });

  it('puts the URL of Redis together, and hands on its command', async () => {
    const { worker } = await read();
    const secret = join(folder, 'redis_password');
    await writeFile(secret, 's3cret\n');
    const words = [...(worker!.entrypoint as string[]), ...worker!.command].map((word) =>
      word
        .replace('/run/secrets/redis_password', secret)
        .replace('node /app/dist/cli/main.js', 'bash -c \'echo "$REDIS_URL $*"\' bash'),
    );
    await using told = startProcess(words[0]!, words.slice(1));
    expect(await told.waitForExit()).toEqual({ code: 0, signal: null });
    expect(told.output).toBe('redis://:s3cret@redis:6379 worker');
  });
});

/** Starts a Redis by a command of a container: whoever has no password is not let in, and its command line has none. */
async function expectPassword(command: readonly string[], env: Record<string, string> = {}): Promise<void> {
  const port = String(await freePort());
  const words = command.map((word) =>
    word.replace('--dir /data', `--dir ${folder} --bind 127.0.0.1 --port ${port}`),
  );
  await using redis = startProcess(words[0]!, words.slice(1), { env });
  await redis.waitForLine(/Ready to accept connections/);
  const line = await readFile(`/proc/${redis.pid}/cmdline`, 'utf8');
  expect(line).toContain('redis-server');
  expect(line).not.toContain('s3cret');
  const ping = (auth: Record<string, string>) =>
    run('redis-cli', ['-e', '-p', port, 'ping'], { env: { PATH: process.env.PATH, ...auth } });
  await expect(ping({})).rejects.toThrow('NOAUTH');
  expect((await ping({ REDISCLI_AUTH: 's3cret' })).stdout).toBe('PONG\n');
  expect(await redis.stop('SIGTERM')).toEqual({ code: 0, signal: null });
}

/** Without a password it must not start at all. */
async function expectRefused(command: readonly string[], env: Record<string, string> = {}): Promise<void> {
  await using redis = startProcess(command[0]!, command.slice(1), { env });
  expect(await redis.waitForExit()).toEqual({ code: 1, signal: null });
  expect(redis.output).toMatch(/redis.password( is empty|.*: No such file)/);
}
