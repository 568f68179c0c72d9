/**
 * What GET /queues answers, kept as the text that is sent: Faktory is asked for it once in 15 s, however often the API
 * is. Its protocol does not tell which queues are paused: what this process paused or resumed itself is all that is
 * known.
 */
import cluster from 'node:cluster';
import type { Client } from '../client/client.ts';
import { type AllowedNames, allowsQueue } from './allowed.ts';

/** As long as the Client keeps what it asked. */
const KEPT_MS = 15_000;

type Report = Awaited<ReturnType<Client['queueReport']>>;

interface Said {
  readonly paused: boolean;
  /** When Faktory had answered (ms, monotonic). */
  readonly at: number;
}

export interface QueueListOptions {
  readonly client: Pick<Client, 'queueReport'>;
  /** Other queues than these are not shown. */
  readonly allowed: AllowedNames;
  /** Whether other processes answer at this address, which would not hear what this one paused (default: as it is). */
  readonly isOneOfMany?: boolean;
}

/** How the queues fare, as the API tells it. */
export class QueueList {
  readonly #client: Pick<Client, 'queueReport'>;
  readonly #allowed: AllowedNames;
  readonly #isOneOfMany: boolean;
  /** What Faktory was told last, by queue, and answered with OK. */
  readonly #said = new Map<string, Said>();
  #report: Report | undefined;
  #text: string | undefined;

  constructor({ client, allowed, isOneOfMany = cluster.isWorker }: QueueListOptions) {
    this.#client = client;
    this.#allowed = allowed;
    this.#isOneOfMany = isOneOfMany;
  }

  /** The answer, no older than 15 s. Rejects as the Client's `queueReport` does. */
  async text(): Promise<string> {
    const report = await this.report();
    this.#text ??= this.#textOf(report);
    return this.#text;
  }

  /** What it is made of. */
  async report(): Promise<Report> {
    if (this.#report !== undefined && performance.now() - this.#report.askedAt < KEPT_MS) return this.#report;
    const report = await this.#client.queueReport();
    // Of several that ask at once, the later ones get the same: nothing is to be written anew.
    if (report.askedAt !== this.#report?.askedAt) {
      this.#report = report;
      this.#text = undefined;
      this.#forgetRemoved(report);
    }
    return report;
  }

  /** Notes what Faktory has answered with OK; undefined when that is not known. */
  notePaused(queue: string, paused: boolean | undefined): void {
    if (this.#isOneOfMany) return;
    this.#text = undefined;
    if (paused === undefined) this.#said.delete(queue);
    else this.#said.set(queue, { paused, at: performance.now() });
  }

  /** A queue that was removed lost its pause with it. */
  #forgetRemoved({ queues, askedAt }: Report): void {
    for (const [queue, { at }] of this.#said) {
      if (at < askedAt && !Object.hasOwn(queues, queue)) this.#said.delete(queue);
    }
  }

  #textOf(report: Report): string {
    const shown = Object.entries(report.queues).filter(([queue]) => allowsQueue(this.#allowed, queue));
    const queues = shown.map(([queue, { size, latencySeconds = null }]) => [
      queue,
      { size, latencySeconds, paused: this.#said.get(queue)?.paused ?? null },
    ]);
    return JSON.stringify({
      asOf: timeOf(report.askedAt),
      queues: Object.fromEntries(queues),
      sets: report.sets,
    });
  }
}

/** When it may be asked anew, in whole seconds from now. */
export function secondsToNews({ askedAt }: Report): number {
  return Math.ceil(Math.max(0, askedAt + KEPT_MS - performance.now()) / 1_000);
}

/** A monotonic time as the clock on the wall has it. */
export function timeOf(monotonic: number): string {
  return new Date(Date.now() - (performance.now() - monotonic)).toISOString();
}
