/** What the options of a handler mean for the parts of the worker: breakers, limits, the way of results. */
import { isSet, readSetting } from '../config.ts';
import type { Contract } from '../contract/contract.ts';
import type { Engine } from './engine.ts';
import type { Executor } from './executor.ts';
import type { HandlerOptions } from './handler-options.ts';
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

  const queueOf = (each: string): string | undefined =>
    executor.optionsOf(each)?.queue ?? (contract && (contract.definitionOf(each).queue ?? 'default'));
  if (concurrency === undefined && rate === undefined) limits.remove(jobtype);
  else limits.set(jobtype, { concurrency, rate }, queueOf(jobtype));
  for (const each of executor.jobtypes) {
    const queue = queueOf(each);
    if (queue !== undefined) limits.noteShared(each, queue);
  }
}
