/** POST /jobs/:jobtype and POST /jobs: one job, answered once Faktory has it. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { MillraceError } from '../errors.ts';
import { newJid } from '../protocol/job.ts';
import type { ApiContext } from './context.ts';
import { pushOnce } from './idempotency/push-once.ts';
import { hasKey, idOf } from './idempotency/request.ts';
import { argsOf, checkEnvelope, type Envelope } from './job-request.ts';
import type { Outcome } from './metrics.ts';
import { withPartitionKey } from './partition-key.ts';
import { type Problem, type ProblemCode, problemOf, sendProblem } from './problem.ts';
import { type Accepted, type Submission, submissionOf } from './submit.ts';

export const JOBS_ROUTE = '/jobs/:jobtype';
export const ENVELOPE_ROUTE = '/jobs';

interface JobsRoute {
  Params: { jobtype: string };
}

export function addJobs(app: FastifyInstance, context: ApiContext): void {
  const { metrics } = context;
  app.post<JobsRoute>(JOBS_ROUTE, { onResponse: metrics.timing(JOBS_ROUTE) }, (request, reply) =>
    answer(context, reply, () => ({ jobtype: request.params.jobtype, args: argsOf(request.body) })),
  );
  app.post(ENVELOPE_ROUTE, { onResponse: metrics.timing(ENVELOPE_ROUTE) }, (request, reply) =>
    answer(context, reply, () => checkEnvelope(request.body)),
  );
}

/** Pushes the job that `read` finds in the request, and answers what became of it. */
async function answer(context: ApiContext, reply: FastifyReply, read: () => Envelope): Promise<FastifyReply> {
  const { metrics, pushing } = context;
  let jid: string | undefined;
  pushing.enter();
  try {
    // With a key it may be that nothing is to be pushed: then Faktory need not be there.
    const keyId = hasKey(reply.request) ? idOf(reply.request) : undefined;
    if (keyId === undefined) refuseAtOnce(context);
    const envelope = withPartitionKey(read(), reply.request);
    jid = envelope.jid ?? keyId ?? newJid();
    const submission = submissionOf({ ...envelope, jid }, context);
    const accepted =
      keyId === undefined
        ? await push(context, submission)
        : await pushOnce(context, reply, { id: keyId, jid }, () => {
            refuseAtOnce(context);
            return push(context, submission);
          });
    return reply.code(202).type('application/json; charset=utf-8').send(textOf(accepted));
  } catch (thrown) {
    const problem = problemOf(thrown, mayBeStored(thrown) ? jid : undefined);
    metrics.countJob(outcomeOf(problem));
    context.report(problem, reply.request.id);
    return sendProblem(reply, problem);
  } finally {
    pushing.leave();
  }
}

async function push({ client, metrics }: ApiContext, { job, queue }: Submission): Promise<Accepted> {
  const jid = await client.push(job);
  metrics.countJob('stored');
  return { jid, queue };
}

/** Names of queues and jids need no escapes: by Faktory's rules they hold none of what JSON escapes. */
function textOf({ jid, queue }: Accepted): string {
  return `{"jid":"${jid}","queue":"${queue}"}`;
}

/** Nothing waits here: who can be served only later is told so, and comes again. */
function refuseAtOnce({ client, isOpen }: ApiContext): void {
  if (!isOpen()) throw new MillraceError('CLOSED');
  if (!client.connected) throw new MillraceError('FAKTORY_UNREACHABLE');
  if (!client.hasRoom) throw new MillraceError('PRESSURE');
}

/** Then its jid is worth telling: Faktory may know it. */
export function mayBeStored(thrown: unknown): boolean {
  return thrown instanceof MillraceError && thrown.code === 'DELIVERY_UNKNOWN';
}

const OUTCOMES: Partial<Record<ProblemCode, Outcome>> = {
  BODY_INVALID: 'invalid',
  BODY_TOO_LARGE: 'invalid',
  JOB_INVALID: 'invalid',
  JOB_FORBIDDEN: 'invalid',
  PARTITION_KEY_INVALID: 'invalid',
  IDEMPOTENCY_KEY_INVALID: 'invalid',
  IDEMPOTENCY_NEEDS_REDIS: 'invalid',
  IDEMPOTENCY_MISMATCH: 'invalid',
  IDEMPOTENCY_RUNNING: 'pressure',
  PAYLOAD_INVALID: 'invalid',
  CHECK_TIMEOUT: 'failed',
  JOB_REJECTED: 'refused',
  PRESSURE: 'pressure',
  CLOSED: 'unreachable',
  DELIVERY_UNKNOWN: 'unknown',
  INTERNAL: 'failed',
};

export function outcomeOf({ code }: Problem): Outcome {
  return OUTCOMES[code] ?? 'unreachable';
}
