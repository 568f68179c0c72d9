/** Everything that goes wrong with owners of partitions, by turns. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Seeded, seeded } from '../protocol/seeded.ts';
import type { OrderStage } from './order-stage.ts';
import type { WorkerProcess } from './stage.ts';

const LONGEST_LEASES = 2;

/** One thing that goes wrong: it is over, but for what it leaves behind, when it resolves. */
type Act = (scene: { order: OrderStage; workers: WorkerProcess[]; random: Seeded }) => Promise<void>;

export const ACTS = {
  joins: async ({ order, workers }) => {
    workers.push(await order.startWorker());
  },
  leaves: async ({ workers, random }) => {
    if (workers.length === 1) return;
    const [some] = workers.splice(random.int(0, workers.length - 1), 1);
    await some!.process.stop('SIGTERM', { timeoutMs: 60_000 });
  },
  'stands still': async ({ order: { ttlMs }, workers, random }) => {
    const some = random.pick(workers);
    some.process.kill('SIGSTOP');
    await pause(random.int(ttlMs / 2, LONGEST_LEASES * ttlMs));
    some.process.kill('SIGCONT');
  },
  blocks: async ({ order, random }) => {
    await order.pushBlock(random.int(order.ttlMs / 2, LONGEST_LEASES * order.ttlMs));
  },
  'cuts of Redis': async ({ order }) => order.toRedis.cut({ reset: true }),
  'Redis away': async ({ order: { toRedis, ttlMs }, random }) => {
    await toRedis.refuse(true);
    toRedis.cut({ reset: true });
    await pause(random.int(ttlMs / 4, LONGEST_LEASES * ttlMs));
    await toRedis.refuse(false);
  },
  'cuts of Faktory': async ({ order }) => order.stage.relay.cut({ reset: true }),
  kills: async ({ order, workers, random }) => {
    const [some] = workers.splice(random.int(0, workers.length - 1), 1);
    order.killWorker(some!);
    workers.push(await order.startWorker());
  },
} satisfies Record<string, Act>;

export type ActName = keyof typeof ACTS;

/** Every card once, then every card once again, each time in another order. */
export function* dealt<T>(cards: readonly T[], random: Seeded): Generator<T, never> {
  for (;;) {
    const deck = [...cards];
    while (deck.length > 0) yield deck.splice(random.int(0, deck.length - 1), 1)[0]!;
  }
}

export interface MixOptions {
  readonly order: OrderStage;
  readonly workers: WorkerProcess[];
  readonly seconds: number;
  /** The longest between two of them. Default 2,500. */
  readonly restMs?: number;
  onAct?(name: ActName): void;
  readonly signal?: AbortSignal;
}

/** For so long, and until each act has come once. Returns how often each did. */
export async function mix({
  order,
  workers,
  seconds,
  restMs = 2_500,
  onAct,
  signal,
}: MixOptions): Promise<Map<ActName, number>> {
  // Of its own: pushes draw from the ledger's whenever they come.
  const random = seeded(order.ledger.seed);
  const names = Object.keys(ACTS) as ActName[];
  const counts = new Map<ActName, number>();
  const end = performance.now() + seconds * 1_000;
  for (const name of dealt(names, random)) {
    signal?.throwIfAborted();
    if (performance.now() >= end && counts.size === names.length) return counts;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    onAct?.(name);
    await ACTS[name]({ order, workers, random });
    await pause(random.int(restMs / 5, restMs));
  }
  return counts;
}
