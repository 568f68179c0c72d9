/** POST /dead/requeue and /dead/discard: Faktory's MUTATE for jobs that failed too often. */
import type { FastifyInstance } from 'fastify';
import { JIDS_AT_ONCE, type JobFilter, mutationsOf } from '../protocol/set-filter.ts';
import type { ApiContext } from './context.ts';
import { deadFilterOf } from './dead-filter.ts';
import { sendCommand } from './faktory-command.ts';
import { Problem } from './problem.ts';
import { secondsToNews, timeOf } from './queue-list.ts';

export const REQUEUE_ROUTE = '/dead/requeue';
export const DISCARD_ROUTE = '/dead/discard';

/** Each MUTATE may take five seconds, and a client does not wait for ever. */
const BUDGET_MS = 30_000;

type DeadCommand = 'requeue' | 'discard';

/** What is answered: Faktory tells neither how many matched, nor the size of Dead more often than each 15 s. */
interface Sent {
  /** Commands that Faktory has answered with OK. */
  readonly sent: number;
  /** Size of Dead before them; null when Faktory did not tell. */
  readonly before: { readonly dead: number; readonly asOf: string } | null;
  /** From when on GET /queues tells the size after them. */
  readonly newsInSeconds: number;
}

export function addDead(app: FastifyInstance, context: ApiContext): void {
  const mutations = new DeadMutations(context);
  const commands = [
    [REQUEUE_ROUTE, 'requeue'],
    [DISCARD_ROUTE, 'discard'],
  ] as const;
  for (const [url, cmd] of commands) {
    app.post(url, { onResponse: context.metrics.timing(url) }, ({ body }) =>
      mutations.run(cmd, deadFilterOf(body, context.allowed)),
    );
  }
}

/** One at a time: each goes through the whole set, and several at once would all run into Faktory's limit. */
class DeadMutations {
  readonly #context: ApiContext;
  #running = false;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  /** Throws MUTATION_RUNNING, COMMAND_UNFINISHED, and what sendCommand does. */
  async run(cmd: DeadCommand, filter: JobFilter): Promise<Sent> {
    if (this.#running) throw new Problem('MUTATION_RUNNING');
    this.#running = true;
    try {
      return await this.#run(cmd, filter);
    } finally {
      this.#running = false;
    }
  }

  async #run(cmd: DeadCommand, filter: JobFilter): Promise<Sent> {
    // Asked before, so that it tells of the time before.
    const report = await this.#context.client.queueReport().catch(() => undefined);
    const payloads = mutationsOf('dead', cmd, filter);
    await this.#send(payloads);
    return {
      sent: payloads.length,
      before: report === undefined ? null : { dead: report.sets.dead, asOf: timeOf(report.askedAt) },
      newsInSeconds: report === undefined ? 15 : secondsToNews(report),
    };
  }

  async #send(payloads: readonly string[]): Promise<void> {
    const start = performance.now();
    for (const [sent, payload] of payloads.entries()) {
      try {
        if (performance.now() - start > BUDGET_MS) throw new Problem('COMMAND_UNFINISHED', { message: LATE });
        await sendCommand(this.#context, ['MUTATE', payload]);
      } catch (error) {
        throw payloads.length === 1 ? error : withProgress(error, sent);
      }
    }
  }
}

const LATE = `not all was done within ${BUDGET_MS / 1_000} s: send the others again`;

/** Says which jids were done before it stopped. */
function withProgress(error: unknown, sent: number): unknown {
  if (!(error instanceof Problem)) return error;
  const message = `${error.message} (it stopped after the first ${sent * JIDS_AT_ONCE} jids)`;
  return new Problem(error.code, { message, cause: error });
}
