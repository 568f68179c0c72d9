/** POST /jobs/bulk: many jobs in one request, as many as there are. */
import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MillraceError } from '../../errors.ts';
import { gauge } from '../../metrics.ts';
import { takeItsTime } from '../arrivals.ts';
import { refuseEncoding } from '../body.ts';
import type { ApiContext } from '../context.ts';
import { PARTITION_KEY_HEADER } from '../partition-key.ts';
import { Problem } from '../problem.ts';
import { Bulk } from './bulk.ts';
import { endUnread } from './last-bytes.ts';
import { formOf } from './opening.ts';

export const BULK_ROUTE = '/jobs/bulk';

interface BulkRoute {
  Querystring: { outcomes?: string | string[] };
}

export function addBulk(app: FastifyInstance, context: ApiContext): void {
  const { registry } = context.metrics;
  gauge(registry, 'millrace_api_bulks', 'POST /jobs/bulk that are under way', () => context.bulks.count);
  void app.register(async (streaming) => {
    streaming.removeAllContentTypeParsers();
    streaming.addContentTypeParser('*', (_request, body, done) => done(null, body));
    const onResponse = [context.metrics.timing(BULK_ROUTE), endUnread];
    streaming.post<BulkRoute>(BULK_ROUTE, { onRequest: takeItsTime, onResponse }, (request, reply) => {
      refuseAtOnce(request, context);
      // Without a body there is nothing to parse; it is read all the same.
      const body = (request.body as Readable | undefined) ?? request.raw;
      const form = formOf(rawHeader(request, 'content-type'));
      new Bulk({ context, reply, body, form, onlyFailed: isFailedOnly(request.query.outcomes) });
    });
  });
}

/** Throws what keeps the body from being read at all. */
function refuseAtOnce(
  { headers }: Pick<FastifyRequest, 'headers'>,
  { client, isOpen }: Pick<ApiContext, 'client' | 'isOpen'>,
): void {
  refuseEncoding(headers['content-encoding']);
  if (headers['idempotency-key'] !== undefined) {
    const message =
      'Idempotency-Key is for one job: give each job of a bulk a jid of its own, and send it again';
    throw new Problem('REQUEST_INVALID', { message });
  }
  if (headers[PARTITION_KEY_HEADER] !== undefined) {
    const message = 'Partition-Key is for one job: give each job of a bulk its partitionKey';
    throw new Problem('REQUEST_INVALID', { message });
  }
  if (!isOpen()) throw new MillraceError('CLOSED');
  if (!client.connected) throw new MillraceError('FAKTORY_UNREACHABLE');
}

function isFailedOnly(outcomes: unknown): boolean {
  if (outcomes === undefined || outcomes === 'all') return false;
  if (outcomes === 'failed') return true;
  throw new Problem('REQUEST_INVALID', { message: 'outcomes takes "all" (the default) or "failed"' });
}

/** As it was sent: Fastify is not shown the content type (gate.ts). */
function rawHeader({ raw }: Pick<FastifyRequest, 'raw'>, name: string): string | undefined {
  const at = raw.rawHeaders.findIndex((each, index) => index % 2 === 0 && each.toLowerCase() === name);
  return at === -1 ? undefined : raw.rawHeaders[at + 1];
}
