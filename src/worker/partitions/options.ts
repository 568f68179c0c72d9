import { hostname } from 'node:os';
import { readSetting } from '../../config.ts';
import { MillraceError } from '../../errors.ts';
import { type PartitionRules, type PartitionsOptions, resolvePartitions } from '../../partitions/open.ts';
import { ordinalOf } from '../../partitions/ordinal.ts';
import type { Queues } from '../queues.ts';

/** Partitions of a Worker's queues: jobs of one key run one after another, in the order in which they were pushed. */
export interface WorkerPartitionsOptions extends PartitionsOptions {
  /** Partitions of a queue that this worker takes at most (default PARTITIONS_PER_POD). */
  perPod?: number;
  /** Without Redis: this worker's number, from 0 (default PARTITION_ORDINAL, or what the host name ends in). */
  ordinal?: number | undefined;
  /**
   * A number is missing although later jobs are there: `'wait'` (default) as long as a reservation may hold its job,
   * `'skip'` for a second. Then it goes on; the job runs when it comes.
   */
  onGap?: 'wait' | 'skip';
  /**
   * A job has used up its tries: `'dead'` (default), and the partition goes on; or `'pause'`: it waits, and tries the job
   * again every minute.
   */
  onExhausted?: 'dead' | 'pause';
  /** Handlers of a partition that run at once (default 1). More gives up the order: jobs only start in it. */
  concurrency?: number;
}

export interface PartitionRulesOfWorker {
  readonly shared: PartitionRules;
  /** The queues that are split. */
  readonly queues: readonly string[];
  readonly perPod: number;
  /** Undefined where owners are found by Redis. */
  readonly ordinal: number | undefined;
  readonly onGap: 'wait' | 'skip';
  readonly onExhausted: 'dead' | 'pause';
  readonly concurrency: number;
}

/** Undefined: none of the queues is split. Throws CONFIG_INVALID. */
export function resolveWorkerPartitions(
  options: WorkerPartitionsOptions | undefined,
  queues: Queues | undefined,
): PartitionRulesOfWorker | undefined {
  const shared = resolvePartitions(options);
  if (shared.count === 0) return undefined;
  const { onGap = 'wait', onExhausted = 'dead', concurrency = 1 } = options ?? {};
  const perPod = options?.perPod ?? readSetting('PARTITIONS_PER_POD');
  wantWhole('perPod', perPod);
  wantWhole('concurrency', concurrency);
  wantOneOf('onGap', onGap, ['wait', 'skip']);
  wantOneOf('onExhausted', onExhausted, ['dead', 'pause']);
  const isFixed = shared.keptBy === undefined;
  return {
    shared,
    perPod,
    onGap,
    onExhausted,
    concurrency,
    queues: namesOf(queues),
    ordinal: isFixed
      ? ordinalOf(options?.ordinal ?? readSetting('PARTITION_ORDINAL'), hostname())
      : undefined,
  };
}

function namesOf(queues: Queues = ['default']): readonly string[] {
  if (typeof queues === 'function')
    throw new MillraceError(
      'CONFIG_INVALID',
      'queues is a function, and partitions are set: name the queues, so that it is known which are split',
    );
  if (!Array.isArray(queues)) return Object.keys(queues);
  return queues.length === 0 ? ['default'] : (queues as readonly string[]);
}

function wantWhole(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= 4_096) return;
  throw wrong(name, value, 'a whole number from 1 to 4096');
}

function wantOneOf(name: string, value: string, words: readonly string[]): void {
  if (!words.includes(value)) throw wrong(name, value, words.join(' or '));
}

function wrong(name: string, value: unknown, takes: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', `partitions.${name} is ${String(value)}, it takes ${takes}`);
}
