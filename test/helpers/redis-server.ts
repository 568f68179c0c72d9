import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { type RunningProcess, startProcess } from './process.ts';

/** A redis-server on loopback, in a folder of its own that goes with it. */
export interface RedisServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** Waits for a line of its log, those already there included. */
  waitForLine(pattern: RegExp): Promise<RegExpExecArray>;
  /** Of its own process. SIGKILL is waited for. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Again on the same port, after a kill; empty. */
  start(): Promise<void>;
}

const KEEPS_NOTHING = ['--save', '', '--appendonly', 'no'];

/** Returns once it takes connections; `replicaOf`: of that one, with the same password. `args`: how it stores (default: not at all). */
export async function startRedis(
  options: { password?: string; args?: readonly string[]; replicaOf?: RedisServer } = {},
): Promise<RedisServer> {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'millrace-redis-'));
  const { password, args = KEEPS_NOTHING, replicaOf } = options;
  const host = '127.0.0.1';
  let child: RunningProcess;
  const start = async (): Promise<void> => {
    child = startProcess(
      'redis-server',
      [
        ...['--port', String(port), '--bind', host, '--dir', dir, ...args],
        // The password is asked of its replicas, too.
        ...(password === undefined ? [] : ['--requirepass', password, '--masterauth', password]),
        ...(replicaOf === undefined ? [] : ['--replicaof', replicaOf.host, String(replicaOf.port)]),
        // Or it waits for five seconds for more replicas.
        ...['--repl-diskless-sync-delay', '0'],
      ],
      { cwd: dir, removeOnDeath: dir },
    );
    try {
      await child.waitForLine(/Ready to accept connections/);
    } catch (error) {
      await child.stop('SIGKILL');
      throw error;
    }
  };
  await start();
  return {
    host,
    port,
    url: `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}${host}:${port}`,
    start,
    waitForLine: (pattern) => child.waitForLine(pattern),
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
