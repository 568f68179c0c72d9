/** Counts what is refused before anyone looks at it, and tells of it at most once a minute. */
import { Counter, type Registry } from 'prom-client';
import type { Logger } from '../logger.ts';

const TELL_EVERY_MS = 60_000;

/** Why: more connections than may be, wrong tokens without end, more requests than API_RATE_LIMIT. */
export type Refusal = 'connections' | 'tokens' | 'rate';

const WORDS: Record<Refusal, string> = {
  connections:
    'connections were refused: there are as many as may be open (10,000 a process), see API_PROCESSES, or put a proxy before it',
  tokens: 'requests were refused unread: their address has sent over 100 wrong tokens within a minute',
  rate: 'requests were refused: they came faster than API_RATE_LIMIT allows',
};

export class Refusals {
  readonly #logger: Logger;
  readonly #counter: Counter<'reason'>;
  readonly #now: () => number;
  readonly #untold = new Map<Refusal, { count: number; toldAt: number }>();

  constructor(registry: Registry, logger: Logger, now: () => number = () => performance.now()) {
    this.#logger = logger;
    this.#now = now;
    this.#counter = new Counter({
      name: 'millrace_api_refused_total',
      help: 'Connections and requests refused unread, by why',
      labelNames: ['reason'],
      registers: [registry],
    });
  }

  /** `address` for the log: the last one to be refused. */
  note(reason: Refusal, address: string | undefined): void {
    this.#counter.inc({ reason });
    const untold = this.#untold.get(reason) ?? { count: 0, toldAt: Number.NEGATIVE_INFINITY };
    this.#untold.set(reason, untold);
    untold.count += 1;
    if (this.#now() - untold.toldAt < TELL_EVERY_MS) return;
    const { count } = untold;
    untold.count = 0;
    untold.toldAt = this.#now();
    this.#logger.warn({ reason, count, address }, WORDS[reason]);
  }
}
