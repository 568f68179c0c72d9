/**
 * How many slots a rate takes, by Little's law (J. D. C. Little, 1961): jobs in flight = rate × time in flight. Pure:
 * numbers in, numbers and words out.
 */

/** Up to so many slots a process are usual. */
export const SLOTS_A_PROCESS = 2_000;
/** Faktory refuses more. */
export const FAKTORY_CONNECTIONS = 2_000;
/** 1 control lane, 8 that fetch, 16 that report. */
export const SOCKETS_A_WORKER = 25;
/** What a small job costs on the wire: FETCH 38, its reply 238, ACK 57. */
const BYTES_A_JOB = 333;
/** With prefetch: slots beyond those that are busy on average. */
const HEADROOM = 1.25;
/** WORKER_CONCURRENCY where nobody sets it. */
const DEFAULT_SLOTS = 500;
/** On two shared cores Faktory itself does no more. */
const FAKTORY_RATE = 9_000;

export interface Load {
  readonly roundTripMs: number;
  readonly jobTimeMs: number;
  /** Jobs a second. */
  readonly rate: number;
  /** Processes that are to share it; more are assumed where these would need too many slots each. */
  readonly processes: number;
}

/** Slots in all, and how they are spread. */
export interface Slots {
  readonly slots: number;
  readonly processes: number;
  /** What WORKER_CONCURRENCY is then, in each. */
  readonly concurrency: number;
}

export interface Sum {
  readonly jobsInFlight: number;
  /** WORKER_PREFETCH=0: each slot is a fetch loop. */
  readonly withoutPrefetch: Slots;
  /** WORKER_PREFETCH=auto. */
  readonly withPrefetch: Slots;
  readonly bytesPerSecond: number;
  /** At most, of the processes with prefetch. */
  readonly sockets: number;
}

export function sumOf({ roundTripMs, jobTimeMs, rate, processes }: Load): Sum {
  const jobsInFlight = roundedUp((rate * (roundTripMs + jobTimeMs)) / 1_000);
  const withPrefetch = spread(roundedUp(((rate * jobTimeMs) / 1_000) * HEADROOM), processes);
  return {
    jobsInFlight,
    withoutPrefetch: spread(jobsInFlight, processes),
    withPrefetch,
    bytesPerSecond: roundedUp(rate * BYTES_A_JOB),
    sockets: withPrefetch.processes * SOCKETS_A_WORKER,
  };
}

/** At least one. */
function roundedUp(number: number): number {
  return Math.max(1, Math.ceil(decimalOf(number)));
}

/** Without what binary fractions add far behind the point: of 30,000 × 0.0501 that is no job. */
const decimalOf = (number: number): number => Number(number.toPrecision(12));

function spread(slots: number, atLeast: number): Slots {
  const processes = Math.max(atLeast, Math.ceil(slots / SLOTS_A_PROCESS));
  return { slots, processes, concurrency: Math.ceil(slots / processes) };
}

/** What so many fetch loops can do at most, in jobs a second; undefined where neither way nor job takes time. */
export function mostOf(slots: number, roundTripMs: number, jobTimeMs: number): number | undefined {
  const ms = roundTripMs + jobTimeMs;
  return ms === 0 ? undefined : Math.floor((slots * 1_000) / ms);
}

/** The rule of thumb of docs/sizing.md: from a round trip of so many ms downwards, for fetch loops. */
const THUMB = [
  { upToMs: 1, network: 'the same machine', from: 50, to: 100 },
  { upToMs: 10, network: 'a LAN', from: 100, to: 300 },
  { upToMs: 50, network: 'a wireless LAN', from: 300, to: 1_000 },
  { upToMs: Number.POSITIVE_INFINITY, network: 'a WAN', from: 1_000, to: 2_000 },
] as const;

/** The recommendation where no rate is known, as lines. */
export function thumbText(roundTripMs: number, jobTimeMs: number): string[] {
  const { network, from, to } = THUMB.find(({ upToMs }) => roundTripMs <= upToMs)!;
  const most = mostOf(DEFAULT_SLOTS, roundTripMs, jobTimeMs);
  return [
    `A round trip of ${ms(roundTripMs)} is that of ${network}. Without a --rate there is a rule of thumb only:`,
    `  WORKER_PREFETCH=auto  WORKER_CONCURRENCY=500, the default, to begin with: the round trip does not count, and more do no harm`,
    `  WORKER_PREFETCH=0     WORKER_CONCURRENCY=${count(from)} to ${count(to)}${
      most === undefined
        ? ''
        : `; 500 loops would do at most 500 ÷ ${seconds(roundTripMs + jobTimeMs)} = ${count(most)} jobs/s with jobs of ${ms(jobTimeMs)}`
    }`,
    'With --rate and --job-time it calculates the slots.',
  ];
}

/** The sum, as lines. */
export function sumText(load: Load): string[] {
  const { roundTripMs, jobTimeMs, rate } = load;
  const sum = sumOf(load);
  const { withPrefetch, withoutPrefetch } = sum;
  const megabytes = (rate * BYTES_A_JOB) / 1e6;
  return [
    `${exact(rate)} jobs/s, a round trip of ${ms(roundTripMs)}, jobs of ${ms(jobTimeMs)}:`,
    `  jobs in flight        rate × (round trip + job time) = ${exact(rate)} × ${seconds(roundTripMs + jobTimeMs)} = ${inFlight(load, sum)}`,
    `  WORKER_PREFETCH=0     as many slots, each a fetch loop that holds its job all the way: ${slotsText(withoutPrefetch)}`,
    `  WORKER_PREFETCH=auto  rate × job time × ${HEADROOM} (a quarter of headroom) = ${exact(rate)} × ${seconds(jobTimeMs)} × ${HEADROOM}: ${slotsText(withPrefetch)}; more do no harm`,
    `  recommended           ${recommendation(withPrefetch)}`,
    `  bandwidth             rate × ${BYTES_A_JOB} bytes = ${decimal(megabytes)} MB/s, ${decimal(megabytes * 8)} Mbit/s, for small jobs`,
    `  sockets               at most ${SOCKETS_A_WORKER} a worker, ${count(sum.sockets)} together; Faktory takes ${count(FAKTORY_CONNECTIONS)}`,
    ...socketsText(sum),
    ...(rate > FAKTORY_RATE
      ? ['  mind Faktory          on two shared cores its own ceiling is 9,000 to 12,000 jobs/s']
      : []),
  ];
}

/** The product, and the whole jobs that it takes where it is none. */
function inFlight({ rate, roundTripMs, jobTimeMs }: Load, { jobsInFlight }: Sum): string {
  const product = decimalOf((rate * (roundTripMs + jobTimeMs)) / 1_000);
  if (product === jobsInFlight) return count(jobsInFlight);
  return `${exact(product)}: ${product < 1 ? 'at least 1' : count(jobsInFlight)}`;
}

/** Said where one Faktory would refuse some of these processes. */
function socketsText({ sockets }: Sum): string[] {
  if (sockets <= FAKTORY_CONNECTIONS) return [];
  const most = Math.floor(FAKTORY_CONNECTIONS / SOCKETS_A_WORKER);
  return [
    `  mind the sockets      ${count(sockets)} cannot be on one Faktory: ${most} processes at most, with more slots each, or more than one Faktory`,
  ];
}

function slotsText({ slots, processes, concurrency }: Slots): string {
  const each = processes === 1 ? '' : `, ${count(concurrency)} each`;
  return `${counted(slots, 'slot', 'slots')} in ${counted(processes, 'process', 'processes')}${each} (up to ${count(SLOTS_A_PROCESS)} a process)`;
}

function recommendation({ concurrency, processes }: Slots): string {
  const each = processes === 1 ? '' : ` in each of ${count(processes)} processes`;
  const enough = concurrency <= DEFAULT_SLOTS ? ` (the default, ${DEFAULT_SLOTS}, is enough)` : '';
  return `WORKER_PREFETCH=auto, WORKER_CONCURRENCY=${concurrency} or more${each}${enough}`;
}

const NUMBER = new Intl.NumberFormat('en-US', { maximumFractionDigits: 3 });

export const count = (number: number): string => NUMBER.format(number);

export const counted = (number: number, one: string, many: string): string =>
  `${count(number)} ${number === 1 ? one : many}`;

/** Three digits that count: 0.42 ms, 41.3 ms, 1,204 ms. */
export function ms(number: number): string {
  return `${count(number >= 100 ? Math.round(number) : Number(number.toPrecision(3)))} ms`;
}

const decimal = (number: number): string =>
  number < 0.001 ? 'under 0.001' : count(Number(number.toPrecision(3)));

const EXACT = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 12 });

/** Of the sum that is printed: whoever calculates it again gets the same. */
const exact = (number: number): string => EXACT.format(number);
const seconds = (milliseconds: number): string => exact(milliseconds / 1_000);
