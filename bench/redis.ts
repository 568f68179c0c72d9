/** A Redis of a bench: it stores as Faktory's own does. */
import { type RedisServer, startRedis as start } from '../test/helpers/redis-server.ts';

export type RunningRedis = RedisServer;

const AS_FAKTORYS = ['--save', '120 1 30 5', '--maxmemory-policy', 'noeviction'];

export function startRedis(): Promise<RunningRedis> {
  return start({ args: AS_FAKTORYS });
}
