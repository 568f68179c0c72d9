/** The program of the worker that runs what the load pushed: a handler that does nothing but note when it was called. */
import { serve } from '../bench/serve.ts';
import type { Reach } from '../bench/worker-order.ts';
import { MillraceError } from '../errors.ts';
import { Unrecoverable } from '../unrecoverable.ts';
import type { JobContext } from '../worker/context.ts';
import { Worker } from '../worker/worker.ts';
import type { LoadArgs } from './body.ts';
import { clock } from './clock.ts';
import { Tally, type TallyResult } from './tally.ts';

export interface WorkerOrder {
  readonly reach: Reach;
  readonly queue: string;
  readonly jobtype: string;
}

/** Of jobs, not of runs. */
export interface Ran {
  readonly executed: number;
  /** Thrown out by the handler, as what can never succeed: for Dead. */
  readonly poisoned: number;
}

export interface Executed extends Ran, Pick<TallyResult, 'latency' | 'slices' | 'firstAt' | 'lastAt'> {
  /** Runs of jobs that had been run before. */
  readonly repeated: number;
  /** Jids of those for Dead. */
  readonly poisonedJids: readonly string[];
}

const CONCURRENCY = 500;
const EXECUTED = 202;

let worker: Worker | undefined;
let executed = new Set<string>();
let poisoned = new Set<string>();
let repeated = 0;
let tally = new Tally(clock(), 1_000);

async function start({ reach, queue, jobtype }: WorkerOrder): Promise<void> {
  worker = new Worker({
    ...reach,
    concurrency: CONCURRENCY,
    queues: [queue],
    logger: false,
    slowMs: 0,
    trapSignals: false,
  });
  worker.register(jobtype, (args) => ({ id }: JobContext) => {
    const now = clock();
    const { at, poison } = (args ?? {}) as Partial<LoadArgs>;
    if (executed.has(id) || poisoned.has(id)) repeated += 1;
    else (poison ? poisoned : executed).add(id);
    if (poison) throw new Unrecoverable('one of those that a load makes on purpose');
    if (at !== undefined) tally.note(EXECUTED, now - at, now);
  });
  await worker.work();
}

/** Counts anew. */
function reset(from: number, sliceMs: number): void {
  executed = new Set();
  poisoned = new Set();
  repeated = 0;
  tally = new Tally(from, sliceMs);
}

function result(): Executed {
  const { latency, slices, firstAt, lastAt } = tally.result();
  return { ...progress(), repeated, poisonedJids: [...poisoned], latency, slices, firstAt, lastAt };
}

const progress = (): Ran => ({ executed: executed.size, poisoned: poisoned.size });

/** Stopped, not killed: FETCHes left behind would take the jobs of others. */
async function stop(): Promise<void> {
  if (worker === undefined) throw new MillraceError('INTERNAL', 'the worker of a load was not started');
  await worker.stop();
}

serve(
  { start, reset, progress, result, stop },
  () => void Promise.resolve(worker?.stop()).finally(() => process.exit(0)),
);
