/** GET /queues, and POST /queues/:name/pause and /resume. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import pLimit from 'p-limit';
import { messageOf } from '../errors.ts';
import { checkQueueName } from '../protocol/job.ts';
import { isWakeQueue } from '../protocol/wake-queue.ts';
import { refuseQueue } from './allowed.ts';
import type { ApiContext } from './context.ts';
import { problemOfQuestion, sendCommand } from './faktory-command.ts';
import { Problem } from './problem.ts';
import { QueueList, secondsToNews } from './queue-list.ts';

export const QUEUES_ROUTE = '/queues';
export const PAUSE_ROUTE = '/queues/:name/pause';
export const RESUME_ROUTE = '/queues/:name/resume';

interface QueueRoute {
  Params: { name: string };
}

/** What becomes of a queue: whether Faktory has it, and so whether it is paused now, cannot always be told. */
interface Outcome {
  readonly queue: string;
  readonly paused: boolean | null;
}

export function addQueues(app: FastifyInstance, context: ApiContext): void {
  const list = new QueueList(context);
  const pausing = new Pausing(context, list);
  app.get(QUEUES_ROUTE, { onResponse: context.metrics.timing(QUEUES_ROUTE) }, async (_request, reply) => {
    const text = await list.text().catch((error: unknown) => {
      throw problemOfQuestion(error);
    });
    return json(reply, text);
  });
  const commands = [
    [PAUSE_ROUTE, true],
    [RESUME_ROUTE, false],
  ] as const;
  void app.register(async (bodiless) => {
    // The address says all: what comes with it is read to its end and not looked at.
    bodiless.removeAllContentTypeParsers();
    bodiless.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) =>
      done(null, undefined),
    );
    for (const [url, paused] of commands)
      bodiless.post<QueueRoute>(url, { onResponse: context.metrics.timing(url) }, async ({ params }, reply) =>
        json(reply, JSON.stringify(await pausing.set(params.name, paused))),
      );
  });
}

class Pausing {
  readonly #context: ApiContext;
  readonly #list: QueueList;
  /** One at a time: Faktory would run those of two connections in any order, and what it heard last is what holds. */
  readonly #inTurn = pLimit(1);

  constructor(context: ApiContext, list: QueueList) {
    this.#context = context;
    this.#list = list;
  }

  /** Throws QUEUE_INVALID, JOB_FORBIDDEN, QUEUE_UNKNOWN, and what sendCommand does. */
  async set(name: string, paused: boolean): Promise<Outcome> {
    const queue = checkName(name);
    refuseQueue(this.#context.allowed, queue);
    const isListed = await this.#isListed(queue);
    return this.#inTurn(async () => {
      try {
        await sendCommand(this.#context, ['QUEUE', paused ? 'PAUSE' : 'RESUME', queue]);
      } catch (error) {
        this.#list.notePaused(queue, undefined);
        throw error;
      }
      if (!isListed) return { queue, paused: null };
      this.#list.notePaused(queue, paused);
      return { queue, paused };
    });
  }

  /** Faktory answers OK for a queue that it does not have, and does nothing. False: it did not say which it has. */
  async #isListed(queue: string): Promise<boolean> {
    const report = await this.#list.report().catch(() => undefined);
    if (report === undefined) return false;
    if (Object.hasOwn(report.queues, queue)) return true;
    const seconds = secondsToNews(report);
    throw new Problem('QUEUE_UNKNOWN', {
      message:
        `Faktory has no queue "${queue}", as far as it was asked: a queue is made by its first job. ` +
        `If that came just now, try again in ${seconds} s`,
      retryAfter: seconds,
    });
  }
}

/** Never `*`, which means all queues, and none of the SDK's own. */
function checkName(name: string): string {
  try {
    checkQueueName(name);
  } catch (error) {
    throw new Problem('QUEUE_INVALID', { message: messageOf(error) });
  }
  if (!isWakeQueue(name)) return name;
  throw new Problem('QUEUE_INVALID', { message: `queue "${name}" is one that workers wake each other by` });
}

function json(reply: FastifyReply, text: string): FastifyReply {
  return reply.type('application/json; charset=utf-8').send(text);
}
