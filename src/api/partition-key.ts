/** The header Partition-Key: what `partitionKey` is in an envelope, for requests whose body is the arguments alone. Pure. */
import type { FastifyRequest } from 'fastify';
import type { Envelope } from './job-request.ts';
import { Problem } from './problem.ts';

export const PARTITION_KEY_HEADER = 'partition-key';
const KEY = /^[\x21-\x7e](?:[\x20-\x7e]{0,510}[\x21-\x7e])?$/;

type Headed = Pick<FastifyRequest, 'headers'> & { readonly raw: Pick<FastifyRequest['raw'], 'rawHeaders'> };

/** Throws PARTITION_KEY_INVALID, also where the envelope says another one. */
export function withPartitionKey(envelope: Envelope, request: Headed): Envelope {
  const key = request.headers[PARTITION_KEY_HEADER];
  if (key === undefined) return envelope;
  // Node joins what is sent twice: `a, b`. What is not ASCII has no encoding in a header that all agree on.
  if (typeof key !== 'string' || !KEY.test(key) || countOf(request.raw.rawHeaders) > 1)
    throw new Problem('PARTITION_KEY_INVALID');
  if (envelope.partitionKey !== undefined && envelope.partitionKey !== key) {
    const message =
      'the header Partition-Key and the field partitionKey say different keys: send one of them';
    throw new Problem('PARTITION_KEY_INVALID', { message });
  }
  return { ...envelope, partitionKey: key };
}

function countOf(rawHeaders: readonly string[]): number {
  return rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === PARTITION_KEY_HEADER).length;
}
