/** Saturation: far more in flight than the API takes, then gone; and how soon a quiet client is served as before. */
import { type BodyPlan, bodyOf, pathOf } from './body.ts';
import { clock } from './clock.ts';
import type { Overload } from './results.ts';
import type { Barrage, Fired, Target } from './shot.ts';
import type { Stage } from './stage.ts';
import { fireStream, Poster } from './stream.ts';
import { acceptedOf, isAccepted, Tally } from './tally.ts';

export interface OverloadOptions {
  readonly stage: Stage;
  readonly target: Target;
  readonly plan: BodyPlan;
  readonly limit: number | null;
  readonly seconds: number;
  readonly from: number;
  readonly sliceMs: number;
  readonly onPhase: (phase: string) => void;
}

export interface Overloaded {
  readonly main: Fired;
  /** Probes and polite clients. */
  readonly beside: readonly Fired[];
  readonly figures: Overload;
}

/** What the limit is multiplied by, and PUSH_MAX_IN_FLIGHT's default. */
const TIMES_THE_LIMIT = 10;
const DEFAULT_LIMIT = 10_000;
/** Of somebody's API the limit is not known: it would take 100,000 to be sure. */
const FOREIGN_IN_FLIGHT = 10_000;
const PIPELINING = 10;
const USUAL = { perSecond: 100, seconds: 2 };
const POLITE_PER_SECOND = 10;
const PROBE_EVERY_MS = 10;
const RECOVERY_LIMIT_MS = 30_000;

export async function overload(options: OverloadOptions): Promise<Overloaded> {
  const { stage, target, plan, limit, seconds, from, sliceMs, onPhase } = options;
  const inFlight = stage.isForeign ? FOREIGN_IN_FLIGHT : (limit ?? DEFAULT_LIMIT) * TIMES_THE_LIMIT;
  const stream = { target, plan, from, sliceMs };
  onPhase('looking how long a request takes usually');
  const usual = await fireStream({ ...stream, ...USUAL }, () => {});
  const usualP99 = usual.latency?.p99 ?? null;
  onPhase(`${inFlight} requests in flight`);
  const polite = fireStream(
    { ...stream, perSecond: POLITE_PER_SECOND, seconds, obeysRetryAfter: true },
    () => {},
  );
  polite.catch(() => {});
  const main = await stage.generator.call<Fired>('barrage', {
    ...stream,
    connections: Math.ceil(inFlight / PIPELINING),
    pipelining: PIPELINING,
    seconds,
  } satisfies Barrage);
  onPhase('looking when a request takes as long as usual again');
  const probed = await probe(options, main.endedAt, usualP99);
  const cameAgain = await polite;
  const { acceptedLater, sent } = cameAgain;
  return {
    main,
    beside: [usual, cameAgain, probed.fired],
    figures: {
      limit: stage.isForeign ? null : limit,
      inFlight,
      refusedFull: main.byStatus[503] ?? 0,
      retryAfters: main.retryAfters,
      polite: { sent, accepted: acceptedOf(cameAgain), acceptedLater },
      usualP99,
      recoveryMs: probed.recoveryMs,
    },
  };
}

/** One request after another, until one is accepted within what was usual. */
async function probe(
  { target, plan, from, sliceMs }: OverloadOptions,
  endedAt: number,
  usualP99: number | null,
): Promise<{ fired: Fired; recoveryMs: number | null }> {
  using poster = new Poster(target, pathOf(plan));
  const tally = new Tally(from, sliceMs);
  let sent = 0;
  let errors = 0;
  let recoveryMs: number | null = null;
  while (recoveryMs === null && clock() - endedAt < RECOVERY_LIMIT_MS) {
    const askedAt = clock();
    sent += 1;
    const answer = await poster.post(bodyOf(plan, 0)).catch(() => undefined);
    const now = clock();
    if (answer === undefined) errors += 1;
    else tally.note(answer.status, now - askedAt, now);
    const isUsual = now - askedAt <= (usualP99 ?? Number.POSITIVE_INFINITY);
    if (answer !== undefined && isAccepted(answer.status) && isUsual) recoveryMs = now - endedAt;
    else await new Promise((resolve) => setTimeout(resolve, PROBE_EVERY_MS));
  }
  const rest = { firstError: null, retryAfters: 0, acceptedLater: 0, endedAt: clock() };
  return { fired: { ...tally.result(), sent, errors, ...rest }, recoveryMs };
}
