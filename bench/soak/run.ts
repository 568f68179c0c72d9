/** One soak: a scene, a load, the faults in their order, and then the wait until all came back. */
import { setTimeout as pause } from 'node:timers/promises';
import { ACTS } from './acts.ts';
import { FAULTS, type Fault, type Planned, scheduleOf } from './faults.ts';
import type { Answer, MemorySample } from './figures.ts';
import { heldBy, keptJobs } from './kept.ts';
import { type Account, account, type Happened } from './ledger.ts';
import { type Counts, Load, wall } from './load.ts';
import { Progress } from './progress.ts';
import { RunsFile } from './runs.ts';
import { Scene, type SceneOptions } from './scene.ts';

export interface SoakOptions extends SceneOptions {
  readonly seconds: number;
  readonly warmUp: number;
  readonly rate: number;
  readonly every: number;
  readonly seed: number;
  readonly killFaktory: boolean;
  readonly only?: readonly Fault[];
  readonly keep: boolean;
}

export interface Result {
  readonly account: Account;
  readonly counts: Counts;
  readonly oddities: readonly string[];
  readonly mostBehindMs: number;
  readonly faults: readonly HappenedHere[];
  readonly answers: readonly Answer[];
  /** When each execution ended, ascending. */
  readonly executedAt: readonly number[];
  readonly samples: readonly MemorySample[];
  /** When the load began, was warm, and ended. */
  readonly times: { readonly startAt: number; readonly warmAt: number; readonly endAt: number };
  /** Faktory was empty in the end. */
  readonly drained: boolean;
  readonly drainMs: number;
  /** Where the processes' logs and files are, if they were kept. */
  readonly folder: string | undefined;
}

export interface HappenedHere extends Happened {
  /** Requests told to come again, and those without an answer, from its start to the next one's. */
  retried: number;
  unknown: number;
  /** What went wrong with the fault itself. */
  error?: string;
}

/** Without any change: a reservation of 60 s, Faktory's look at it every 15 s, a retry up to 45 s later. */
const DRAIN_STILL_MS = 180_000;
/** A copy of a job under the same jid (a push sent again) slows Faktory down to ten ended reservations in 15 s. */
const DRAIN_LIMIT_MS = 900_000;
const DRAIN_LOOK_MS = 2_000;
const SAMPLE_MS = 1_000;

/** Rejects when the signal aborts; nothing that was started outlives it either way. */
export async function soak(options: SoakOptions, signal: AbortSignal): Promise<Result> {
  await using scene = await Scene.start(options);
  signal.throwIfAborted();
  using runs = new RunsFile(scene.ledgerFile);
  const load = new Load({
    port: scene.apiPort,
    rate: options.rate,
    seconds: options.warmUp + options.seconds,
  });
  const state: State = { scene, runs, load, faults: [], samples: [], phase: 'warm-up' };
  using progress = new Progress(() => lineOf(state, options));
  using _sampling = every(SAMPLE_MS, () => {
    runs.read();
    state.samples.push(...scene.memory());
  });

  const loading = load.run(signal);
  await pause(options.warmUp * 1_000, undefined, { signal });
  const warmAt = wall();
  state.phase = 'load';
  await makeFaults(state, scheduleOf({ ...options, everySeconds: options.every }), warmAt, progress, signal);
  await loading;
  signal.throwIfAborted();
  state.phase = 'drain';
  const loadedAt = wall();
  progress.tell('all is posted and answered; waiting for what dead sockets and workers held');
  const drained = await drain(state, signal);
  runs.read();
  const kept = await keptJobs(scene.faktory);
  const result = account(load.postings, runs.all, kept, state.faults);
  const isKept = options.keep || options.trace || result.lost.length > 0 || result.ghosts > 0 || !drained;
  return {
    account: result,
    counts: load.counts,
    oddities: load.oddities,
    mostBehindMs: load.mostBehindMs,
    faults: state.faults,
    answers: load.answers,
    executedAt: runs.all.filter(({ what }) => what === 'end').map(({ at }) => at),
    samples: state.samples,
    times: { startAt: load.startedAt, warmAt, endAt: load.endedAt },
    drained,
    drainMs: wall() - loadedAt,
    folder: isKept ? scene.keep() : undefined,
  };
}

interface State {
  readonly scene: Scene;
  readonly runs: RunsFile;
  readonly load: Load;
  readonly faults: HappenedHere[];
  readonly samples: MemorySample[];
  phase: 'warm-up' | 'load' | 'drain';
  /** The fault that is on. */
  fault?: string | undefined;
}

/** Each when it is due, or as soon as the one before it is over. */
async function makeFaults(
  state: State,
  plan: readonly Planned[],
  zero: number,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const { scene, load, faults } = state;
  for (const { fault, atMs, choice } of plan) {
    await pause(Math.max(0, zero + atMs - wall()), undefined, { signal });
    const before = { ...load.counts };
    closeCounts(state, before);
    const from = wall();
    const at = ((from - zero) / 1_000).toFixed(1);
    state.fault = FAULTS[fault];
    progress.tell(`${at} s: ${FAULTS[fault]}`);
    const error = await ACTS[fault](scene, choice).then(
      () => undefined,
      (reason: unknown) => String(reason),
    );
    if (error !== undefined) progress.tell(`${at} s: ${FAULTS[fault]} went wrong: ${error}`);
    const to = wall();
    state.fault = undefined;
    // Counts so far are taken off when the next fault begins.
    const counted = { retried: -before.retried, unknown: -before.unknown - before.broken };
    faults.push({ fault, from, to, ...counted, ...(error === undefined ? {} : { error }) });
  }
  await pause(Math.max(0, zero + (plan.at(-1)?.atMs ?? 0) + 1_000 - wall()), undefined, { signal });
}

/** The fault before has had its time: what was counted since its start is its own. */
function closeCounts({ faults }: State, { retried, unknown, broken }: Counts): void {
  const last = faults.at(-1);
  if (!last) return;
  last.retried += retried;
  last.unknown += unknown + broken;
}

/** Waits until Faktory holds nothing, three looks in a row. False: the time was up before. */
async function drain(state: State, signal: AbortSignal): Promise<boolean> {
  const { scene, runs, load } = state;
  closeCounts(state, load.counts);
  const deadline = wall() + DRAIN_LIMIT_MS;
  let last = { seen: '', at: wall() };
  for (let empty = 0; wall() < Math.min(deadline, last.at + DRAIN_STILL_MS); ) {
    const held = await heldBy(scene.faktory).catch(() => undefined);
    const seen = JSON.stringify([held, runs.all.length]);
    if (seen !== last.seen) last = { seen, at: wall() };
    const isEmpty = held && held.queued + held.working + held.retries + held.scheduled === 0;
    empty = isEmpty ? empty + 1 : 0;
    if (empty === 3) return true;
    await pause(DRAIN_LOOK_MS, undefined, { signal });
  }
  return false;
}

function lineOf({ scene, runs, load, phase, fault }: State, { warmUp }: SoakOptions): string {
  const second = Math.round((wall() - load.startedAt) / 1_000) - warmUp;
  const { accepted, retried, unknown, broken } = load.counts;
  const number = (value: number): string => value.toLocaleString('en-US');
  const figures = {
    posted: load.postings.length,
    stored: accepted,
    executed: runs.executed.size,
    waiting: Math.max(0, accepted - runs.executed.size),
    retried,
    unknown: unknown + broken,
  };
  const counts = Object.entries(figures).map(([what, count]) => `${what} ${number(count)}`);
  const rss = scene.memory().map(({ role, mb }) => `${role} ${mb.toFixed(0)}`);
  return [`${phase} ${second} s`, fault ?? 'no fault', ...counts, `MB: ${rss.join(' ')}`].join(' · ');
}

function every(ms: number, act: () => void): Disposable {
  const timer = setInterval(act, ms);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
