/** Each job that was posted, what its client was told, and what became of it. Pure: records in, figures out. */
import { ENDS_FAKTORY, type Fault } from './faults.ts';
import type { Run } from './runs.ts';

/** A job as its client knows it: it moves from open to one of the others, once. */
export interface Posting {
  readonly id: number;
  state: 'open' | 'accepted' | 'unknown' | 'refused';
  /** Requests sent for it. */
  requests: number;
  /** Of the answer that accepted it. */
  jid?: string;
  acceptedAt?: number;
}

/** A fault as it happened, by the clock on the wall, in ms. */
export interface Happened {
  readonly fault: Fault;
  readonly from: number;
  readonly to: number;
}

export interface LostJob {
  readonly id: number;
  readonly jid: string;
  readonly acceptedAt: number;
  /** Runs that began and did not end: those were killed, or threw. */
  readonly starts: readonly Run[];
  /** When the jobs accepted just before and after it first ran. */
  readonly neighboursRanAt: readonly number[];
  /** The fault that was then, if any. */
  readonly during: Fault | undefined;
}

export interface Account {
  readonly posted: number;
  readonly accepted: number;
  /** The client cannot know whether it is stored. */
  readonly unknown: number;
  /** Of those, the ones that ran. */
  readonly unknownExecuted: number;
  /** Given up by the client: never accepted. */
  readonly refused: number;
  readonly executed: number;
  /** Jobs whose handler ended more than once. */
  readonly twice: number;
  /** Jobs whose handler was started again though it had not thrown. */
  readonly startedAgain: number;
  /** Jobs that ran under a jid whose request was told as not stored. */
  readonly ghosts: number;
  /** In Dead. */
  readonly dead: number;
  /** Not executed, and still in a queue or set of Faktory's when the time was up. */
  readonly held: number;
  readonly lost: readonly LostJob[];
  /** Executed more than LATE_MS after they were accepted. */
  readonly late: number;
  /** Of those, the ones that did not throw: a process, a socket or a queue held them. */
  readonly lateUnthrown: number;
  readonly latestMs: number;
  readonly jobsThatThrew: number;
  /** Jobs that took more than one request. */
  readonly retriedJobs: number;
}

export const LATE_MS = 10_000;

interface Runs {
  readonly starts: Run[];
  threw: number;
  ended: number;
  endedAt: number;
}

/**
 * @param kept by job, where Faktory still has it: `dead`, `retries`, a queue
 */
export function account(
  postings: readonly Posting[],
  runs: readonly Run[],
  kept: ReadonlyMap<number, string>,
  faults: readonly Happened[],
): Account {
  const byJob = runsByJob(runs);
  const ended = (posting: Posting): boolean => (byJob.get(posting.id)?.ended ?? 0) > 0;
  const accepted = postings.filter(({ state }) => state === 'accepted');
  const unknown = postings.filter(({ state }) => state === 'unknown');
  const missing = accepted.filter((posting) => !ended(posting));
  const waitOf = ({ id, acceptedAt }: Posting): number => byJob.get(id)!.endedAt - (acceptedAt ?? Number.NaN);
  const executed = accepted.filter(ended);
  const late = executed.filter((posting) => waitOf(posting) > LATE_MS);
  const jobs = [...byJob.values()];
  return {
    posted: postings.length,
    accepted: accepted.length,
    unknown: unknown.length,
    unknownExecuted: unknown.filter(ended).length,
    refused: postings.filter(({ state }) => state === 'refused').length,
    executed: executed.length,
    twice: jobs.filter((job) => job.ended > 1).length,
    startedAgain: jobs.filter(({ starts, threw }) => starts.length - threw > 1).length,
    ghosts: postings.filter((posting) => isGhost(posting, byJob.get(posting.id))).length,
    dead: missing.filter(({ id }) => kept.get(id) === 'dead').length,
    held: missing.filter(({ id }) => kept.has(id) && kept.get(id) !== 'dead').length,
    lost: missing
      .filter(({ id }) => !kept.has(id))
      .map((posting) => lostJob(posting, accepted, byJob, faults)),
    late: late.length,
    lateUnthrown: late.filter(({ id }) => byJob.get(id)!.threw === 0).length,
    latestMs: executed.reduce((most, posting) => Math.max(most, waitOf(posting)), 0),
    jobsThatThrew: jobs.filter(({ threw }) => threw > 0).length,
    retriedJobs: postings.filter(({ requests }) => requests > 1).length,
  };
}

/** How many lost jobs Faktory's own end accounts for, which no client can help. */
export function lostWithFaktory(lost: readonly LostJob[]): number {
  return lost.filter(({ during }) => during !== undefined && ENDS_FAKTORY.includes(during)).length;
}

function runsByJob(runs: readonly Run[]): Map<number, Runs> {
  const byJob = new Map<number, Runs>();
  for (const run of runs) {
    let job = byJob.get(run.id);
    if (!job) {
      job = { starts: [], threw: 0, ended: 0, endedAt: 0 };
      byJob.set(run.id, job);
    }
    if (run.what === 'start') job.starts.push(run);
    else if (run.what === 'throw') job.threw += 1;
    else {
      job.ended += 1;
      if (job.ended === 1) job.endedAt = run.at;
    }
  }
  return byJob;
}

/** An unknown outcome is never posted again, so each further jid is of a request that was told as not stored. */
function isGhost({ jid, state }: Posting, runs: Runs | undefined): boolean {
  if (!runs) return false;
  if (state === 'refused') return true;
  return state === 'accepted' && runs.starts.some((start) => start.jid !== jid);
}

/** Jobs leave a queue in the order they came in: when its neighbours ran tells when this one was given out. */
function lostJob(
  { id, jid = '', acceptedAt = 0 }: Posting,
  accepted: readonly Posting[],
  byJob: ReadonlyMap<number, Runs>,
  faults: readonly Happened[],
): LostJob {
  const near = accepted
    .filter((other) => other.id !== id && byJob.has(other.id))
    .map((other) => ({
      apart: Math.abs(other.acceptedAt! - acceptedAt),
      at: byJob.get(other.id)!.starts[0]!.at,
    }))
    .sort((a, b) => a.apart - b.apart)
    .slice(0, 6)
    .map(({ at }) => at)
    .sort((a, b) => a - b);
  const starts = byJob.get(id)?.starts ?? [];
  const around = near[Math.floor(near.length / 2)];
  const during = faults.find(
    ({ from, to }) => around !== undefined && around >= from - 500 && around <= to + 1_000,
  );
  return { id, jid, acceptedAt, starts, neighboursRanAt: near, during: during?.fault };
}
