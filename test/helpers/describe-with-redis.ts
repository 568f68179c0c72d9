import { describe } from 'vitest';
import { noteLeftOut } from './left-out.ts';
import { redisServer } from './real-faktory-build.ts';

/** `describe`, left out loudly where there is no redis-server on the PATH; with REQUIRE_REAL_FAKTORY=1 it must be. */
export function describeWithRedis(name: string, cases: () => void): void {
  const isThere = redisServer() !== undefined;
  if (!isThere && process.env.REQUIRE_REAL_FAKTORY === '1')
    throw new Error('REQUIRE_REAL_FAKTORY=1, but redis-server is not on the PATH');
  if (!isThere) noteLeftOut(`${name}: redis-server is not on the PATH`);
  describe.skipIf(!isThere)(name, cases);
}
