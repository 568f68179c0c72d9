import { checkQueueName } from '../protocol/job.ts';

/**
 * The queues of a worker: a list is strict order (the first that has a job wins); weights give each FETCH an
 * order of its own, drawn so that a queue stands first as often as its share; a function is asked each time.
 */
export type Queues = readonly string[] | Readonly<Record<string, number>> | (() => readonly string[]);

/** Gives the queues of the next FETCH, in order. Throws JOB_INVALID for a name that Faktory does not take. */
export function queueOrder(queues: Queues = ['default']): () => readonly string[] {
  if (typeof queues === 'function') return queues;
  if (!isWeighted(queues)) {
    const names = queues.length === 0 ? ['default'] : queues.map(checkQueueName);
    return () => names;
  }
  const names = Object.keys(queues).map(checkQueueName);
  return () => weightedOrder(names, queues);
}

function isWeighted(
  queues: readonly string[] | Readonly<Record<string, number>>,
): queues is Readonly<Record<string, number>> {
  return !Array.isArray(queues);
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
