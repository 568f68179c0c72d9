/**
 * What kept a cell from being faster, and how that is known. Pure: figures in, words out.
 *
 * In this order: a link that is full; Little's law (in flight ÷ the time that each is in flight is the most there can
 * be); the process that was busiest, where one had nothing left; the machine; what more in flight brought; and, where
 * nothing was full, what most of the time in flight went to.
 */
import type { Cell } from './sweep.ts';

/** What one cell was measured at. */
export interface Figure extends Cell {
  readonly jobs: number;
  readonly seconds: number;
  readonly jobsPerSecond: number;
  /** Median of PINGs through the relay, nothing else going on, in ms: what was added and what was there. */
  readonly roundTripMs: number;
  /** Mean time in the handler, in ms. */
  readonly handlerMs: number;
  readonly cpuMicrosPerJob: number;
  readonly bytesPerJob: number;
  /** Part of a core that each process had, or its event loop was busy, whichever is more. null: not ours to know. */
  readonly workerLoad: number;
  readonly relayLoad: number;
  readonly faktoryLoad: number | null;
  /** Part of all cores of the machine that was in use, by whatever ran on it. */
  readonly machineLoad: number;
}

export type BoundKind =
  | 'latency'
  | 'handlers'
  | 'bandwidth'
  | 'cpu'
  | 'server'
  | 'relay'
  | 'machine'
  | 'unknown';

export interface Verdict {
  readonly kind: BoundKind;
  readonly because: string;
}

/** Within 15% of a bound it is the bound. */
const NEAR = 0.85;
/** Clearly the most of a slot's time: a round trip that was measured at rest is longer under load. */
const MOST_OF_IT = 0.6;
/** A process that is busy so much of the time is what others wait for: the rest is lost in between. */
const PROCESS_FULL = 0.8;
const LONG_ENOUGH_SECONDS = 0.3;
/** A machine is never quite idle of what watches it. */
const MACHINE_FULL = 0.9;
/** So many times the slots should bring … */
const MORE_SLOTS = 1.5;
/** … more than this, or the slots are not what is short. */
const BROUGHT_NOTHING = 1.1;

/**
 * Little's bound in jobs/s: without prefetch a slot holds a job for the round trip of its FETCH and the handler's time;
 * with it for the handler's time alone. Infinite where a job takes no time.
 */
export function littlesBound(
  figure: Pick<Figure, 'concurrency' | 'prefetch' | 'roundTripMs' | 'handlerMs'>,
): number {
  const { concurrency, prefetch, roundTripMs, handlerMs } = figure;
  return concurrency / (((prefetch === 0 ? roundTripMs : 0) + handlerMs) / 1000);
}

/** `others`: all figures of the sweep. `bandwidth`: what the link carries, in bytes/s, where that is known. */
export function classify(figure: Figure, others: readonly Figure[], bandwidth?: number): Verdict {
  if (figure.jobs === 0) return { kind: 'unknown', because: 'no job was done in the time there was' };
  return (
    byBandwidth(figure, bandwidth) ??
    byLittle(figure) ??
    byShortness(figure) ??
    byProcesses(figure) ??
    byMachine(figure) ??
    byNeighbours(figure, others) ??
    byShare(figure) ?? {
      kind: 'unknown',
      because: `no process was near one core (${loads(figure)})${farFrom(littlesBound(figure), figure)}`,
    }
  );
}

function byBandwidth({ jobsPerSecond, bytesPerJob }: Figure, bandwidth?: number): Verdict | undefined {
  const bytes = jobsPerSecond * bytesPerJob;
  if (bandwidth === undefined || bytes < bandwidth * NEAR) return undefined;
  const because = `${kB(bytes)} kB/s of the ${kB(bandwidth)} that the link carries, as it was said`;
  return { kind: 'bandwidth', because };
}

function byLittle(figure: Figure): Verdict | undefined {
  const bound = littlesBound(figure);
  if (figure.jobsPerSecond < bound * NEAR) return undefined;
  const { concurrency, prefetch, roundTripMs, handlerMs } = figure;
  const reached = `${percent(figure.jobsPerSecond / bound)} of Little's bound, ${concurrency} slots`;
  if (prefetch === 0 && roundTripMs >= handlerMs) {
    const and = handlerMs > 0 ? ` and ${ms(handlerMs)} in the handler` : '';
    return { kind: 'latency', because: `${reached} ÷ ${ms(roundTripMs)} of round trip${and}` };
  }
  return { kind: 'handlers', because: `${reached} ÷ ${ms(handlerMs)} in the handler: all slots were taken` };
}

/** Nothing that is averaged can be told of a moment. */
function byShortness({ seconds }: Figure): Verdict | undefined {
  if (seconds >= LONG_ENOUGH_SECONDS) return undefined;
  return { kind: 'unknown', because: `${ms(seconds * 1000)} are too short to tell: take more --jobs` };
}

function byProcesses({ workerLoad, faktoryLoad, relayLoad }: Figure): Verdict | undefined {
  const processes = [
    { kind: 'cpu', name: "the worker's process", load: workerLoad },
    { kind: 'server', name: "Faktory's process", load: faktoryLoad ?? 0 },
    { kind: 'relay', name: "this bench's own relay, not what it measures,", load: relayLoad },
  ] as const;
  const { kind, name, load } = processes.reduce((most, each) => (each.load > most.load ? each : most));
  if (load < PROCESS_FULL) return undefined;
  return { kind, because: `${name} was busy ${percent(load)} of the time, of one core` };
}

function byMachine({ machineLoad }: Figure): Verdict | undefined {
  if (machineLoad < MACHINE_FULL) return undefined;
  const because = `no core was left: the whole machine was busy ${percent(machineLoad)} of the time`;
  return { kind: 'machine', because };
}

/**
 * Compares with the next cell of more slots, or else of fewer: the same latency and prefetch. Only of a Faktory whose
 * process cannot be looked at: of another it would say more than is known.
 */
function byNeighbours(figure: Figure, others: readonly Figure[]): Verdict | undefined {
  if (figure.faktoryLoad !== null) return undefined;
  const alike = others
    .filter(({ latencyMs, prefetch, jobs }) => {
      return latencyMs === figure.latencyMs && prefetch === figure.prefetch && jobs > 0;
    })
    .sort((a, b) => a.concurrency - b.concurrency);
  const more = alike.find(({ concurrency }) => concurrency >= figure.concurrency * MORE_SLOTS);
  const fewer = alike.findLast(({ concurrency }) => concurrency * MORE_SLOTS <= figure.concurrency);
  if (more && more.jobsPerSecond <= figure.jobsPerSecond * BROUGHT_NOTHING) {
    const brought = percent(more.jobsPerSecond / figure.jobsPerSecond);
    return { kind: 'server', because: `${more.concurrency} slots brought no more: ${brought} of this` };
  }
  if (more === undefined && fewer && figure.jobsPerSecond <= fewer.jobsPerSecond * BROUGHT_NOTHING) {
    const brought = percent(figure.jobsPerSecond / fewer.jobsPerSecond);
    return {
      kind: 'server',
      because: `it brought no more than ${fewer.concurrency} slots: ${brought} of those`,
    };
  }
  return undefined;
}

/**
 * Without prefetch every slot is in flight all the time, so each job takes slots ÷ rate: what is known of that, the
 * round trip and the handler, is the bound's part of it.
 */
function byShare(figure: Figure): Verdict | undefined {
  const { concurrency, prefetch, jobsPerSecond, roundTripMs, handlerMs } = figure;
  const share = jobsPerSecond / littlesBound(figure);
  if (prefetch !== 0 || share < MOST_OF_IT) return undefined;
  const [kind, name] =
    roundTripMs >= handlerMs ? (['latency', 'round trip'] as const) : (['handlers', 'handler'] as const);
  const inFlight = ms((concurrency / jobsPerSecond) * 1000);
  const because = `nothing was full, and of the ${inFlight} that a slot spent on each job ${ms(Math.max(roundTripMs, handlerMs))} were the ${name} (${percent(share)} of Little's bound)`;
  return { kind, because };
}

function loads({ workerLoad, faktoryLoad, relayLoad, machineLoad }: Figure): string {
  const faktory = faktoryLoad === null ? '' : `, Faktory ${percent(faktoryLoad)}`;
  return `worker ${percent(workerLoad)}${faktory}, relay ${percent(relayLoad)}; the machine ${percent(machineLoad)}`;
}

function farFrom(bound: number, { jobsPerSecond }: Figure): string {
  return Number.isFinite(bound) ? `; ${percent(jobsPerSecond / bound)} of Little's bound` : '';
}

const percent = (part: number): string => `${Math.round(part * 100)}%`;
const ms = (value: number): string => `${Number(value.toPrecision(3))} ms`;
const kB = (bytes: number): string => String(Math.round(bytes / 1000));
