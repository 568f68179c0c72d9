/** POST /jobs/:jobtype: one job, answered once Faktory has it. */
import type { FastifyInstance } from 'fastify';
import { MillraceError } from '../errors.ts';
import { newJid } from '../protocol/job.ts';
import { argsOf } from './body.ts';
import type { ApiContext } from './context.ts';
import type { Outcome } from './metrics.ts';
import { type Problem, type ProblemCode, problemOf, sendProblem } from './problem.ts';

export const JOBS_ROUTE = '/jobs/:jobtype';

interface JobsRoute {
  Params: { jobtype: string };
}

export function addJobs(app: FastifyInstance, context: ApiContext): void {
  const { client, metrics, jobDefaults, pushing } = context;

  app.post<JobsRoute>(JOBS_ROUTE, { onResponse: metrics.timing(JOBS_ROUTE) }, async (request, reply) => {
    const jid = newJid();
    pushing.enter();
    try {
      refuseAtOnce(context);
      const args = argsOf(request.body);
      const { jobtype } = request.params;
      // The contract, where there is one, says how a job travels; the API's own defaults fill what it leaves open.
      const { retry, reserveFor } = { ...jobDefaults, ...client.contract?.definitionOf(jobtype) };
      await client.push({ jid, jobtype, args, retry, reserve_for: reserveFor });
    } catch (thrown) {
      const problem = problemOf(thrown, mayBeStored(thrown) ? jid : undefined);
      metrics.countJob(outcomeOf(problem));
      context.report(problem);
      return sendProblem(reply, problem);
    } finally {
      pushing.leave();
    }
    metrics.countJob('stored');
    return reply.code(202).type('application/json; charset=utf-8').send(`{"jid":"${jid}"}`);
  });
}

/** Nothing waits here: who can be served only later is told so, and comes again. */
function refuseAtOnce({ client, isOpen }: ApiContext): void {
  if (!isOpen()) throw new MillraceError('CLOSED');
  if (!client.connected) throw new MillraceError('FAKTORY_UNREACHABLE');
  if (!client.hasRoom) throw new MillraceError('PRESSURE');
}

/** Then its jid is worth telling: Faktory may know it. */
function mayBeStored(thrown: unknown): boolean {
  return thrown instanceof MillraceError && thrown.code === 'DELIVERY_UNKNOWN';
}

const OUTCOMES: Partial<Record<ProblemCode, Outcome>> = {
  BODY_INVALID: 'invalid',
  JOB_INVALID: 'invalid',
  PAYLOAD_INVALID: 'invalid',
  JOB_REJECTED: 'refused',
  PRESSURE: 'pressure',
  CLOSED: 'unreachable',
  DELIVERY_UNKNOWN: 'unknown',
  INTERNAL: 'failed',
};

function outcomeOf({ code }: Problem): Outcome {
  return OUTCOMES[code] ?? 'unreachable';
}
