/** What Faktory tells of the queues of partitions. */
import { isMillraceError, MillraceError, messageOf } from '../errors.ts';

export interface Backlog {
  /** Undefined where Faktory has no such queue. */
  readonly size: number | undefined;
  readonly ageSeconds: number | undefined;
}

/** What INFO says: sizes of queues, and of the sets, which hold the jobs of all queues. */
export interface FaktorySizes {
  readonly queues: Readonly<Record<string, number>>;
  readonly sets: Readonly<Record<'scheduled' | 'retries' | 'working', number>> | undefined;
}

type Send = (command: readonly string[]) => Promise<string>;

/** So many names in one command. */
const AT_ONCE = 100;
/** INFO is not for asking often. */
const INFO_AGE_MS = 15_000;

export class FaktoryBacklog {
  readonly #send: Send;
  #sizes: { readonly at: number; readonly answer: Promise<FaktorySizes> } | undefined;

  constructor(send: Send) {
    this.#send = send;
  }

  async of(queues: readonly string[]): Promise<Backlog[]> {
    const { queues: sizes } = await this.sizes();
    const sizeOf = (queue: string) => (Object.hasOwn(sizes, queue) ? sizes[queue] : undefined);
    const ages = await this.#ages(
      queues.filter((queue) => (sizeOf(queue) ?? 0) > 0),
      // A job that an older version has requeued makes Faktory answer with an error: then ages are not known.
      async () => {},
    );
    return queues.map((queue) => ({ size: sizeOf(queue), ageSeconds: ages.get(queue) }));
  }

  /** Those of them in which a job waits just now. Unlike INFO it costs Faktory next to nothing. */
  async holding(queues: readonly string[]): Promise<ReadonlySet<string>> {
    const ages = await this.#ages(queues, async (some, add) => {
      // The job that makes an error of the whole reply waits in one of them.
      if (some.length === 1) return add(some[0]!, Number.POSITIVE_INFINITY);
      for (const queue of some)
        if ((await this.holding([queue])).size > 0) add(queue, Number.POSITIVE_INFINITY);
    });
    return new Set(queues.filter((queue) => (ages.get(queue) ?? 0) !== 0));
  }

  /** Up to 15 s old. */
  sizes(): Promise<FaktorySizes> {
    const now = performance.now();
    if (this.#sizes === undefined || now - this.#sizes.at >= INFO_AGE_MS)
      this.#sizes = { at: now, answer: this.#askSizes() };
    return this.#sizes.answer;
  }

  async #askSizes(): Promise<FaktorySizes> {
    const reply = await this.#send(['INFO']);
    try {
      const { faktory } = JSON.parse(reply) as { faktory: Partial<FaktorySizes> };
      return { queues: faktory.queues ?? {}, sets: faktory.sets };
    } catch (cause) {
      throw new MillraceError('PROTOCOL_VIOLATION', `INFO holds no sizes: ${messageOf(cause)}`, { cause });
    }
  }

  /** How long the oldest job of each has waited, in seconds. `onRefused`: what is done for queues that cannot be asked together. */
  async #ages(
    queues: readonly string[],
    onRefused: (some: readonly string[], add: (queue: string, seconds: number) => void) => Promise<void>,
  ): Promise<ReadonlyMap<string, number>> {
    const ages = new Map<string, number>();
    for (let i = 0; i < queues.length; i += AT_ONCE) {
      const some = queues.slice(i, i + AT_ONCE);
      try {
        const reply = (JSON.parse(await this.#send(['QUEUE', 'LATENCY', ...some])) as object | null) ?? {};
        for (const [queue, seconds] of Object.entries(reply))
          if (typeof seconds === 'number') ages.set(queue, seconds);
      } catch (error) {
        if (!isMillraceError(error, 'COMMAND_REFUSED')) throw error;
        await onRefused(some, (queue, seconds) => void ages.set(queue, seconds));
      }
    }
    return ages;
  }
}
