import { MillraceError } from '../errors.ts';
import { checkQueueName } from '../protocol/job.ts';

/**
 * The queues of a worker: a list is strict order (the first that has a job wins); weights give each FETCH an
 * order of its own, drawn so that a queue stands first as often as its share; a function is asked each time.
 */
export type Queues = readonly string[] | Readonly<Record<string, number>> | (() => readonly string[]);

/**
 * Gives the queues of the next FETCH, in order. Throws JOB_INVALID for a name that Faktory does not take, CONFIG_INVALID
 * for what is no queues. A function of the user's is not trusted: what it gives wrong goes to `onFault`, and nothing is
 * fetched until it gives queues again.
 */
export function queueOrder(
  queues: Queues = ['default'],
  onFault: (error: unknown) => void = () => {},
): () => readonly string[] {
  if (typeof queues === 'function') {
    return () => {
      try {
        return checkNames(queues());
      } catch (error) {
        onFault(error);
        return [];
      }
    };
  }
  if (Array.isArray(queues)) {
    const names = queues.length === 0 ? ['default'] : checkNames(queues);
    return () => names;
  }
  const weights = checkWeights(queues);
  const names = checkNames(Object.keys(weights));
  return () => weightedOrder(names, weights);
}

/** Strict order holds for jobs that were fetched ahead too: the place of a queue in the list; 0 where there is none. */
export function queueRank(queues: Queues = ['default']): (queue: string) => number {
  if (!Array.isArray(queues)) return () => 0;
  const ranks = new Map((queues as readonly string[]).map((queue, rank) => [queue, rank]));
  return (queue) => ranks.get(queue) ?? 0;
}

function checkNames(names: unknown): readonly string[] {
  if (!Array.isArray(names) || names.length === 0) throw wrong(names);
  return names.map(checkQueueName);
}

function checkWeights(queues: unknown): Readonly<Record<string, number>> {
  if (typeof queues !== 'object' || queues === null) throw wrong(queues);
  const weights = queues as Record<string, number>;
  if (Object.values(weights).some((weight) => !(weight > 0))) throw wrong(queues);
  return weights;
}

function wrong(queues: unknown): MillraceError {
  const takes = 'names such as ["a", "b"], or weights such as { a: 3, b: 1 }';
  return new MillraceError('CONFIG_INVALID', `queues is ${JSON.stringify(queues)}, it takes ${takes}`);
}

/** A random order in which heavier names tend to come first (Efraimidis and Spirakis' weighted sampling). */
export function weightedOrder(
  names: readonly string[],
  weights: Readonly<Record<string, number>>,
  random = Math.random,
): string[] {
  const drawn = names.map((name) => ({ name, key: random() ** (1 / Math.max(weights[name] ?? 1, 1e-6)) }));
  return drawn.sort((a, b) => b.key - a.key).map(({ name }) => name);
}
