/** One scenario on a stage: fires, waits until what was accepted has been run, and adds up. */
import { loadBetween, type Usage } from '../bench/child.ts';
import { gapsOf } from './accounts.ts';
import { type ApiLoad, apiLoadOf, Watch } from './api-load.ts';
import { type BodyPlan, countFlawed } from './body.ts';
import { clock } from './clock.ts';
import { type Overloaded, overload } from './overload.ts';
import type { ScenarioResult } from './results.ts';
import { type ScenarioName, type Sized, titleOf } from './scenarios.ts';
import type { Barrage, Bulk, Fired, Stream } from './shot.ts';
import type { Stage } from './stage.ts';
import { acceptedOf, mergedSlices, type Slice } from './tally.ts';
import type { Executed } from './worker-process.ts';

export interface ScenarioOptions {
  readonly name: ScenarioName;
  readonly size: Sized;
  readonly connections: number;
  readonly stage: Stage;
  /** PUSH_MAX_IN_FLIGHT of the API where it is ours. */
  readonly limit: number | null;
  /** Told what it does besides making load. */
  readonly onPhase: (phase: string) => void;
}

/** One of a hundred cannot be done. */
const FLAWED_EVERY = 100;
const WATCH_MS = { least: 250, most: 1_000 };
const LONG_S = 20;
const SLICE_MS = { requests: 100, short: 250, long: 1_000 };
/** What a fresh process compiles is not what a load is about. */
const WARM_UP_REQUESTS = 2_000;
/** An API whose callers were cut is done with them when it has stored no more for so long. */
const SETTLE_MS = 300;

export async function runScenario(options: ScenarioOptions): Promise<ScenarioResult> {
  const { name, size, stage } = options;
  if (!stage.isForeign) await warmUp(options);
  const plan = planOf(name, stage);
  const sliceMs = sliceOf(size);
  const deadBefore = plan.flaws === undefined ? null : await stage.deadCount();
  const storedBefore = await stage.stored();
  const watch = new Watch(() => stage.readApi(), stage.isForeign ? WATCH_MS.most : WATCH_MS.least);
  const from = clock();
  await stage.resetWorker(from, sliceMs);
  try {
    await watch.look();
    const usageBefore = await stage.generator.call<Usage>('usage');
    const fired = await fire(options, plan, from, sliceMs);
    const usageAfter = await stage.generator.call<Usage>('usage');
    const lastOfLoad = (await watch.look()) - 1;
    const stored = minus(await settledStored(stage, fired.main), storedBefore);
    const executed = await ran(options, stored ?? fired.accepted);
    const dead = await died(stage, deadBefore, executed);
    const api = apiLoadOf(watch.end(), lastOfLoad);
    const generatorCpu = loadBetween(usageBefore, usageAfter);
    return resultOf(options, { ...fired, plan, stored, executed, dead, api, generatorCpu, sliceMs, from });
  } finally {
    watch.end();
  }
}

/** All that was asked of the API: by the load itself, and by probes beside it. */
interface Firing {
  readonly main: Fired;
  readonly sent: number;
  readonly accepted: number;
  readonly refused: number;
  readonly errors: number;
  readonly slices: readonly Slice[];
  readonly overload: Overloaded | null;
}

async function fire(
  { name, size, connections, stage, limit, onPhase }: ScenarioOptions,
  plan: BodyPlan,
  from: number,
  sliceMs: number,
): Promise<Firing> {
  const common = { target: stage.target, plan, from, sliceMs };
  if (name === 'saturation') {
    const found = await overload({ ...common, stage, limit, seconds: size.seconds, onPhase });
    const all = [found.main, ...found.beside];
    const slices = mergedSlices(all.map((each) => each.slices));
    return { ...sumOf(all), main: found.main, slices, overload: found };
  }
  const { requests, perSecond, seconds } = size;
  const { generator } = stage;
  const main = await (name === 'bulk'
    ? generator.call<Fired>('bulk', { ...common, requests } satisfies Bulk)
    : requests > 0
      ? generator.call<Fired>('barrage', { ...common, connections, requests } satisfies Barrage)
      : generator.call<Fired>('stream', { ...common, perSecond, seconds } satisfies Stream));
  return { ...sumOf([main]), main, slices: main.slices, overload: null };
}

function sumOf(all: readonly Fired[]): Pick<Firing, 'sent' | 'accepted' | 'refused' | 'errors'> {
  const sum = (of: (fired: Fired) => number): number => all.reduce((before, each) => before + of(each), 0);
  const accepted = sum(acceptedOf);
  return {
    sent: sum(({ sent }) => sent),
    accepted,
    refused: sum(({ answered }) => answered) - accepted,
    errors: sum(({ errors }) => errors),
  };
}

function planOf(name: ScenarioName, stage: Stage): BodyPlan {
  if (name !== 'bombardment' && name !== 'bulk') return stage.plan;
  // A worker of somebody else's would not know what to do with poison.
  const flaws = stage.hasWorker ? (['malformed', 'poison'] as const) : (['malformed'] as const);
  return { ...stage.plan, flawedEvery: FLAWED_EVERY, flaws };
}

function sliceOf({ requests, seconds }: Sized): number {
  if (requests > 0) return SLICE_MS.requests;
  return seconds >= LONG_S ? SLICE_MS.long : SLICE_MS.short;
}

async function warmUp({ stage, connections, onPhase }: ScenarioOptions): Promise<void> {
  onPhase('warming up');
  const { target, plan } = stage;
  await stage.generator.call<Fired>('warmUp', {
    target,
    plan,
    connections,
    requests: WARM_UP_REQUESTS,
    from: clock(),
    sliceMs: SLICE_MS.long,
  } satisfies Barrage);
  await stage.untilRan(WARM_UP_REQUESTS, () => {});
}

/** When no caller waits any more its count is final; at once where none was cut. */
async function settledStored(stage: Stage, { sent, answered }: Fired): Promise<number | null> {
  let last = await stage.stored();
  while (last !== null && sent > answered) {
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const next = await stage.stored();
    if (next === last) break;
    last = next;
  }
  return last;
}

async function ran({ stage, onPhase }: ScenarioOptions, wanted: number): Promise<Executed | undefined> {
  await stage.untilRan(wanted, (count) => {
    if (count < wanted) onPhase(`the worker has run ${count} of ${wanted} jobs`);
  });
  return stage.executed();
}

/** How many more there are in Dead. What the load put there is taken out again. */
async function died(
  stage: Stage,
  before: number | null,
  executed: Executed | undefined,
): Promise<number | null> {
  if (before === null || executed === undefined) return null;
  const after = await stage.untilDead(before + executed.poisoned);
  await stage.discardDead(executed.poisonedJids);
  return minus(after, before);
}

interface Parts extends Firing {
  readonly plan: BodyPlan;
  readonly stored: number | null;
  readonly executed: Executed | undefined;
  readonly dead: number | null;
  readonly api: ApiLoad | null;
  readonly generatorCpu: number;
  readonly sliceMs: number;
  readonly from: number;
}

function resultOf({ name, size }: ScenarioOptions, parts: Parts): ScenarioResult {
  const { main, sent, accepted, refused, errors, stored, executed, dead, overload: overloaded, plan } = parts;
  // Connections are cut only where the load ends by time.
  const cut = overloaded === null ? 0 : main.sent - main.answered - main.errors;
  const seconds = ((main.lastAt ?? main.endedAt) - (main.firstAt ?? parts.from)) / 1_000;
  const lastRunAt = executed?.lastAt ?? null;
  const account = {
    ...{ sent, accepted, refused, errors, cut, stored, dead },
    malformed: countFlawed(plan, sent, 'malformed'),
    mayRefuse: overloaded !== null,
    executed: executed?.executed ?? null,
    poisoned: executed?.poisoned ?? null,
  };
  const gaps = gapsOf(account);
  if (overloaded !== null && overloaded.figures.recoveryMs === null)
    gaps.push('it was not as usual again when the overload was long over');
  const firstError = main.firstError === null ? '' : `: ${main.firstError}`;
  return {
    name,
    title: titleOf(name, size),
    seconds,
    ...{ sent, accepted, refused, errors, cut },
    byStatus: main.byStatus,
    acceptedPerSecond: seconds > 0 ? acceptedOf(main) / seconds : 0,
    latency: main.latency,
    slices: parts.slices,
    sliceMs: parts.sliceMs,
    api: parts.api,
    generatorCpu: parts.generatorCpu,
    executed: account.executed,
    dead,
    executedSeconds: lastRunAt === null || main.firstAt === null ? null : (lastRunAt - main.firstAt) / 1_000,
    endToEnd: executed?.latency ?? null,
    executedSlices: executed?.slices ?? [],
    overload: overloaded?.figures ?? null,
    gaps: gaps.map((gap) => (gap.includes('no answer') ? `${gap}${firstError}` : gap)),
  };
}

const minus = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? null : a - b;
