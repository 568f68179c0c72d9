/** BullMQ's Redis: on a free port, storing as Faktory's own does, gone afterwards. */
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../test/helpers/free-port.ts';
import { startProcess } from '../test/helpers/process.ts';
import { redisServer } from '../test/helpers/real-faktory-build.ts';

export interface RunningRedis extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
}

const ARGS = ['--save', '120 1 30 5', '--maxmemory-policy', 'noeviction'];

export async function startRedis(): Promise<RunningRedis> {
  const host = '127.0.0.1';
  const port = await freePort();
  const dir = await mkdtemp(join(tmpdir(), 'bench-redis-'));
  const args = ['--bind', host, '--port', String(port), '--dir', dir, ...ARGS];
  const child = startProcess(redisServer()!, args, { cwd: dir, removeOnDeath: dir });
  const stop = async (): Promise<void> => {
    await child.stop('SIGKILL');
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await child.waitForLine(/Ready to accept connections/);
  } catch (error) {
    await stop();
    throw error;
  }
  return { host, port, [Symbol.asyncDispose]: stop };
}
