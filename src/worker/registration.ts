/** What the options of a handler mean for the parts of the worker: breakers, limits, the way of results. */
import { isSet, readSetting } from '../config.ts';
import type { Contract } from '../contract/contract.ts';
import type { Engine } from './engine.ts';
import type { Executor } from './executor.ts';
import type { HandlerOptions } from './handler-options.ts';
import type { Queues } from './queues.ts';
import { type Target, targetOf } from './results/target.ts';

/** Where the results of the jobtype go, if anywhere. Throws CONFIG_INVALID, JOB_INVALID. */
export function targetFor(
  jobtype: string,
  { reduceTo }: HandlerOptions,
  contract: Contract | undefined,
): Target | undefined {
  if (reduceTo === undefined) return undefined;
  const retry = isSet('JOB_RETRY') ? readSetting('JOB_RETRY') : 25;
  const defaults = { retry, reserveFor: readSetting('JOB_RESERVE_FOR') };
  return targetOf(jobtype, reduceTo, defaults, contract && ((job) => contract.complete(job)));
}

/** The queue of a jobtype, where its options or the contract say it. */
export function queueOf(
  jobtype: string,
  executor: Executor,
  contract: Contract | undefined,
): string | undefined {
  return (
    executor.optionsOf(jobtype)?.queue ?? (contract && (contract.definitionOf(jobtype).queue ?? 'default'))
  );
}

/** From now on its jobs are treated so; what an earlier handler's options said holds no more. */
export function treat(
  jobtype: string,
  options: HandlerOptions,
  target: Target | undefined,
  { engine, executor, contract }: { engine: Engine; executor: Executor; contract: Contract | undefined },
): void {
  const { breakers, limits, flow, reducerTimers } = engine;
  const { breaker, concurrency, rate } = options;
  if (breaker === undefined) breakers.remove(jobtype);
  else breakers.forJobtype(jobtype, breaker);

  flow.results.route(jobtype, target, contract && ((type, result) => contract.checkResult(type, result)));
  reducerTimers.set(jobtype, undefined);

  if (concurrency === undefined && rate === undefined) limits.remove(jobtype);
  else limits.set(jobtype, { concurrency, rate }, queueOf(jobtype, executor, contract));
  for (const each of executor.jobtypes) {
    const queue = queueOf(each, executor, contract);
    if (queue !== undefined) limits.noteShared(each, queue);
  }
}

/** Known as it starts: which batch handlers share a queue with other jobtypes. */
export function noteSharing(engine: Engine, executor: Executor, contract: Contract | undefined): void {
  const { queues, partitions } = engine.options;
  // The jobs of a partition are not gathered.
  if (partitions !== undefined) return;
  // Where only one queue is fetched all jobs come from there.
  const only = typeof queues === 'function' ? undefined : onlyQueue(queues);
  engine.flow.batches.noteSharing(
    executor.jobtypes,
    (jobtype) => only ?? queueOf(jobtype, executor, contract),
  );
}

function onlyQueue(queues: Exclude<Queues, () => unknown> = []): string | undefined {
  const names = Array.isArray(queues) ? (queues as readonly string[]) : Object.keys(queues);
  if (names.length === 0) return 'default';
  return names.length === 1 ? names[0] : undefined;
}
