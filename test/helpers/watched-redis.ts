/** A Redis that fails over: a primary, its replica, and real sentinels that watch them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { startProcess } from './process.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

/** The name by which the sentinels know the primary. */
export const MASTER_ID = 'tested-1';
/** A primary that is silent for so long is gone. */
const DOWN_AFTER_MS = 500;

export interface Sentinel extends AsyncDisposable {
  readonly port: number;
  /** Waits for a line of its log, those already there included. */
  waitForLine(pattern: RegExp): Promise<RegExpExecArray>;
}

export interface WatchedRedis extends AsyncDisposable {
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  readonly sentinels: readonly Sentinel[];
  /** For REDIS_URL. */
  readonly url: string;
}

export interface WatchedOptions {
  /** How many; most of them must find that the primary is gone. Default 1. */
  sentinels?: number;
  password?: string;
  sentinelPassword?: string;
}

/** Returns once all sentinels know the replica, and one another. */
export async function startWatchedRedis(options: WatchedOptions = {}): Promise<WatchedRedis> {
  const started: AsyncDisposable[] = [];
  const stop = async (): Promise<void> => {
    for (const each of started.reverse()) await each[Symbol.asyncDispose]();
  };
  const keep = <T extends AsyncDisposable>(each: T): T => {
    started.push(each);
    return each;
  };
  try {
    return { ...(await startAll(options, keep)), [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startAll(
  { sentinels: count = 1, password, sentinelPassword }: WatchedOptions,
  keep: <T extends AsyncDisposable>(each: T) => T,
): Promise<Omit<WatchedRedis, keyof AsyncDisposable>> {
  const login = password === undefined ? {} : { password };
  const primary = keep(await startRedis(login));
  const replica = keep(await startRedis({ ...login, replicaOf: primary }));
  await replica.waitForLine(/MASTER <-> REPLICA sync: Finished with success/);
  const sentinels: Sentinel[] = [];
  for (let i = 0; i < count; i += 1)
    sentinels.push(
      keep(await startSentinel(primary, Math.ceil((count + 1) / 2), password, sentinelPassword)),
    );
  for (const sentinel of sentinels) {
    await sentinel.waitForLine(new RegExp(`\\+slave slave 127\\.0\\.0\\.1:${replica.port} `));
    for (const { port } of sentinels.filter((other) => other !== sentinel))
      await sentinel.waitForLine(new RegExp(`\\+sentinel sentinel \\w+ 127\\.0\\.0\\.1 ${port} `));
  }
  const userinfo = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
  const secret =
    sentinelPassword === undefined ? '' : `&sentinelPassword=${encodeURIComponent(sentinelPassword)}`;
  const url = `redis-sentinel://${userinfo}${hosts}?sentinelMasterId=${MASTER_ID}${secret}`;
  return { primary, replica, sentinels, url };
}

async function startSentinel(
  { host, port: primaryPort }: RedisServer,
  quorum: number,
  password: string | undefined,
  sentinelPassword: string | undefined,
): Promise<Sentinel> {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'millrace-sentinel-'));
  const conf = join(dir, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    `bind ${host}`,
    `dir ${dir}`,
    `sentinel monitor ${MASTER_ID} ${host} ${primaryPort} ${quorum}`,
    `sentinel down-after-milliseconds ${MASTER_ID} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${MASTER_ID} 5000`,
  ];
  if (password !== undefined) lines.push(`sentinel auth-pass ${MASTER_ID} "${password}"`);
  if (sentinelPassword !== undefined)
    lines.push(`requirepass "${sentinelPassword}"`, `sentinel sentinel-pass "${sentinelPassword}"`);
  writeFileSync(conf, `${lines.join('\n')}\n`);
  const child = startProcess('redis-server', [conf, '--sentinel'], { cwd: dir, removeOnDeath: dir });
  const sentinel: Sentinel = {
    port,
    waitForLine: (pattern) => child.waitForLine(pattern),
    async [Symbol.asyncDispose]() {
      await child.stop('SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    },
  };
  try {
    await sentinel.waitForLine(/\+monitor master/);
  } catch (error) {
    await sentinel[Symbol.asyncDispose]();
    throw error;
  }
  return sentinel;
}
