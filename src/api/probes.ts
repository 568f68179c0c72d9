/** What others ask of the process itself: does it live, may it get requests, how does it fare. */
import type { FastifyInstance } from 'fastify';
import { messageOf } from '../errors.ts';
import type { ApiContext } from './context.ts';
import { Problem } from './problem.ts';

/** How long Faktory may take to answer before the API calls itself not ready. */
const READY_DEADLINE_MS = 2_000;

/**
 * GET /health: the process answers. GET /ready: it also takes jobs just now, that is, it is not shutting down and
 * Faktory answers in time. Both need no token and tell nothing more.
 */
export function addHealth(app: FastifyInstance, context: ApiContext): void {
  const readiness = shareAnswer(() => checkReady(context));
  app.get('/health', { onResponse: context.metrics.timing('/health') }, () => ({ status: 'ok' }));
  app.get('/ready', { onResponse: context.metrics.timing('/ready') }, async () => {
    await readiness();
    return { status: 'ready' };
  });
}

/** GET /metrics, for Prometheus: behind the token where there is one, since it tells how busy the service is. */
export function addMetrics(app: FastifyInstance, { metrics, metricsPage }: ApiContext): void {
  app.get('/metrics', { onResponse: metrics.timing('/metrics') }, async (_request, reply) => {
    return reply.type(metrics.registry.contentType).send(await metricsPage());
  });
}

async function checkReady({ client, isOpen }: ApiContext): Promise<void> {
  if (!isOpen()) throw new Problem('CLOSED');
  const notReady = (message: string) => new Problem('FAKTORY_UNREACHABLE', { message });
  if (!client.connected) throw notReady('not connected to Faktory');
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const text = `Faktory did not answer within ${READY_DEADLINE_MS} ms`;
    deadline = setTimeout(() => reject(notReady(text)), READY_DEADLINE_MS);
  });
  const answered = client.ping().catch((error) => {
    throw new Problem('FAKTORY_UNREACHABLE', { message: 'Faktory did not answer', cause: messageOf(error) });
  });
  try {
    await Promise.race([answered, late]);
  } finally {
    clearTimeout(deadline);
    answered.catch(() => {});
  }
}

/** Asked by many at once, it looks once: probes must not become load. */
function shareAnswer(look: () => Promise<void>): () => Promise<void> {
  let looking: Promise<void> | undefined;
  return () => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return looking;
  };
}
