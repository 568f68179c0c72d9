import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { freePort } from './free-port.ts';
import { noteLeftOut } from './left-out.ts';
import { type RunningProcess, startProcess } from './process.ts';
import { redisServer } from './real-faktory-build.ts';

/** A redis-server of a test: on loopback, keeping nothing on disk. */
export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Of its own process. SIGKILL is waited for. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Again on the same port, after a kill; empty. */
  start(): Promise<void>;
}

/** `describe`, left out loudly where there is no redis-server on the PATH; with REQUIRE_REAL_FAKTORY=1 it must be. */
export function describeWithRedis(name: string, cases: () => void): void {
  const isThere = redisServer() !== undefined;
  if (!isThere && process.env.REQUIRE_REAL_FAKTORY === '1')
    throw new Error('REQUIRE_REAL_FAKTORY=1, but redis-server is not on the PATH');
  if (!isThere) noteLeftOut(`${name}: redis-server is not on the PATH`);
  describe.skipIf(!isThere)(name, cases);
}

/** Returns once it takes connections. */
export async function startRedis(options: { password?: string } = {}): Promise<RedisServer> {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'millrace-redis-'));
  const { password } = options;
  let child: RunningProcess;
  const start = async (): Promise<void> => {
    child = startProcess(
      'redis-server',
      [
        ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'no'],
        ...(password === undefined ? [] : ['--requirepass', password]),
      ],
      { cwd: dir, removeOnDeath: dir },
    );
    await child.waitForLine(/Ready to accept connections/);
  };
  await start();
  return {
    port,
    url: `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`,
    start,
    async kill(signal) {
      child.kill(signal);
      if (signal === 'SIGKILL') await child.exit;
    },
    async [Symbol.asyncDispose]() {
      await child.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
