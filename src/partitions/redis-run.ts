/**
 * Which run of Redis a connection leads to: after a restart or a failover it is another. It is told by two ids: of the
 * process, and of the history that it writes, which is a new one when a replica becomes the primary. The process alone
 * would not do: a primary that was a replica meanwhile, and has forgotten what the other did not get, is the same one.
 */
import type { RedisLink } from '../redis.ts';

export type Redis = Parameters<Parameters<RedisLink['use']>[0]>[0];

interface Known {
  run: Promise<string> | undefined;
}

const known = new WeakMap<Redis, Known>();

/**
 * The ids of the run, asked once a connection; empty where Redis does not tell it (an ACL without INFO, some proxies):
 * then a restart with older data cannot be told from none. What is sent in the same tick goes to that run or fails.
 */
export async function runOf(redis: Redis): Promise<string> {
  let entry = known.get(redis);
  if (entry === undefined) {
    const made: Known = { run: undefined };
    known.set(redis, made);
    redis.on('close', () => {
      made.run = undefined;
    });
    entry = made;
  }
  entry.run ??= ask(redis, entry);
  const asked = entry.run;
  const run = await asked;
  if (entry.run !== asked) throw new Error('the connection was lost');
  return run;
}

async function ask(redis: Redis, entry: Known): Promise<string> {
  try {
    const [server, replication] = await Promise.all([redis.info('server'), redis.info('replication')]);
    const run = /^run_id:(\w+)/m.exec(server)?.[1];
    if (run === undefined) return '';
    const history = /^master_replid:(\w+)/m.exec(replication)?.[1];
    return history === undefined ? run : `${run}:${history}`;
  } catch (error) {
    if (isRefusal(error)) return '';
    entry.run = undefined;
    throw error;
  }
}

/** An answer of Redis', not a connection that failed. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}
