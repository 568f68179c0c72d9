/** What a route does with a request that has an Idempotency-Key. */
import type { FastifyReply } from 'fastify';
import { MillraceError } from '../../errors.ts';
import type { ApiContext } from '../context.ts';
import { Problem } from '../problem.ts';
import type { Accepted } from '../submit.ts';
import type { KeyedRequest } from './idempotency.ts';
import { fingerprintOf } from './request.ts';

/**
 * Has `push` push the job of a request unless one with the same key has; a repeat's answer says so in its head. Throws
 * IDEMPOTENCY_NEEDS_REDIS, CLOSED, and as `Idempotency.run`.
 */
export async function pushOnce(
  { idempotency, isOpen }: ApiContext,
  reply: FastifyReply,
  key: Omit<KeyedRequest, 'fingerprint'>,
  push: () => Promise<Accepted>,
): Promise<Accepted> {
  if (idempotency === undefined) throw new Problem('IDEMPOTENCY_NEEDS_REDIS');
  if (!isOpen()) throw new MillraceError('CLOSED');
  const fingerprint = fingerprintOf(reply.request);
  const { accepted, isReplayed } = await idempotency.run({ ...key, fingerprint }, push);
  if (isReplayed) reply.header('idempotency-replayed', 'true');
  return accepted;
}
