/** The load: scenario after scenario, each on a stage of its own, nothing left behind. */
import type { Reach } from '../bench/worker-order.ts';
import type { ClientOptions } from '../client/client.ts';
import type { ScenarioResult } from './results.ts';
import { runScenario } from './scenario.ts';
import { type Amounts, type ScenarioName, type Sized, sizeOf } from './scenarios.ts';
import type { Target } from './shot.ts';
import { Stage } from './stage.ts';

export interface LoadOptions {
  /** In the order of running. */
  readonly scenarios: readonly ScenarioName[];
  readonly amounts: Amounts;
  /** Somebody's API; undefined: one is started. */
  readonly foreign: Target | undefined;
  /** undefined: an embedded one is started with the API; none is known of somebody's. */
  readonly faktory: Reach | undefined;
  readonly jobtype: string;
  /** Of an API that is started. */
  readonly pushing: ClientOptions;
  /** Ends it at once; what was measured is returned. */
  readonly signal: AbortSignal;
  readonly onStep: (step: Step) => void;
}

export type Step =
  | {
      readonly doing: 'scenario';
      readonly name: ScenarioName;
      readonly number: number;
      readonly of: number;
      readonly size: Sized;
    }
  /** So many requests are answered. */
  | { readonly doing: 'count'; readonly answered: number }
  | { readonly doing: 'phase'; readonly text: string }
  | { readonly doing: 'done'; readonly result: ScenarioResult };

/** PUSH_MAX_IN_FLIGHT of the API that is to be saturated, where it is ours. */
const SATURATION_LIMIT = 1_000;

/** Throws what keeps Faktory away, INTERNAL. */
export async function runLoad(options: LoadOptions): Promise<ScenarioResult[]> {
  const { scenarios, signal, onStep } = options;
  const results: ScenarioResult[] = [];
  for (const [i, name] of scenarios.entries()) {
    if (signal.aborted) break;
    const size = sizeOf(name, options.amounts);
    onStep({ doing: 'scenario', name, number: i + 1, of: scenarios.length, size });
    const result = await runOne(options, name, size);
    if (result === undefined) break;
    results.push(result);
    onStep({ doing: 'done', result });
  }
  return results;
}

async function runOne(
  { amounts, foreign, faktory, jobtype, pushing, signal, onStep }: LoadOptions,
  name: ScenarioName,
  size: Sized,
): Promise<ScenarioResult | undefined> {
  const limit = name === 'saturation' ? SATURATION_LIMIT : null;
  const stage = await Stage.open({
    ...{ foreign, faktory, jobtype },
    pushing: limit === null ? pushing : { ...pushing, maxInFlight: limit },
    onCount: (answered) => onStep({ doing: 'count', answered }),
  });
  // Its processes end, and with them all that the scenario waits for.
  const onAbort = (): void => void stage[Symbol.asyncDispose]();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal.aborted) return undefined;
    return await runScenario({
      ...{ name, size, stage, limit },
      connections: amounts.connections,
      onPhase: (text) => onStep({ doing: 'phase', text }),
    });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await stage[Symbol.asyncDispose]();
  }
}
