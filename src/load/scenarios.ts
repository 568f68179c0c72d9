/** The scenarios, and which of them fit what is there. Pure. */
import { MillraceError } from '../errors.ts';

export const SCENARIO_NAMES = [
  'ten-thousand',
  'bombardment',
  'bulk',
  'sustained',
  'saturation',
  'end-to-end',
] as const;
export type ScenarioName = (typeof SCENARIO_NAMES)[number];

export const SCENARIO_TITLES: Readonly<Record<ScenarioName, string>> = {
  'ten-thousand': '10,000 jobs, one a request',
  bombardment: 'Bombardment of 50,000, one a request, 1% invalid',
  bulk: '50,000 in one bulk, 1% invalid',
  sustained: '1,000 requests/s, held',
  saturation: 'Far over the limit, then gone',
  'end-to-end': 'Submitted to executed',
};

/** With its numbers: they may be others than usual. */
export function titleOf(name: ScenarioName, { requests, perSecond }: Sized): string {
  const text = (value: number): string => value.toLocaleString('en-US');
  switch (name) {
    case 'ten-thousand':
      return `${text(requests)} jobs, one a request`;
    case 'bombardment':
      return `Bombardment of ${text(requests)}, one a request, 1% invalid`;
    case 'bulk':
      return `${text(requests)} in one bulk, 1% invalid`;
    case 'sustained':
      return `${text(perSecond)} requests/s, held`;
    default:
      return SCENARIO_TITLES[name];
  }
}

/** What there is to run them on. */
export interface Ground {
  /** The API is somebody's. */
  readonly isForeign: boolean;
  /** A worker of our own can run the jobs. */
  readonly hasWorker: boolean;
}

/** Why a scenario is left out; undefined: it is not. `asked`: it was named. */
export function whyLeftOut(
  name: ScenarioName,
  { isForeign, hasWorker }: Ground,
  asked: boolean,
): string | undefined {
  if (name === 'end-to-end' && !hasWorker)
    return 'set FAKTORY_URL to the Faktory of this API, so that a worker of the load can run its jobs';
  if (name === 'saturation' && isForeign && !asked)
    return 'it floods the API until it refuses others, too: name it with --scenario if that may be';
  return undefined;
}

/** `bombardment,sustained`, in the order of the table. Throws CONFIG_INVALID. */
export function parseScenarios(text: string): ScenarioName[] {
  const asked = text.split(',').map((each) => each.trim());
  for (const each of asked) {
    if (!(SCENARIO_NAMES as readonly string[]).includes(each)) {
      throw new MillraceError(
        'CONFIG_INVALID',
        `--scenario is ${JSON.stringify(text)}, it takes any of ${SCENARIO_NAMES.join(', ')}, with commas between`,
      );
    }
  }
  return SCENARIO_NAMES.filter((name) => asked.includes(name));
}

/** How much of each; what is not said is as the scenario has it. */
export interface Amounts {
  readonly requests: number | undefined;
  readonly seconds: number | undefined;
  readonly perSecond: number | undefined;
  readonly connections: number;
}

export interface Sized {
  readonly requests: number;
  readonly seconds: number;
  readonly perSecond: number;
}

const SIZES: Readonly<Record<ScenarioName, Sized>> = {
  'ten-thousand': { requests: 10_000, seconds: 0, perSecond: 0 },
  bombardment: { requests: 50_000, seconds: 0, perSecond: 0 },
  bulk: { requests: 50_000, seconds: 0, perSecond: 0 },
  sustained: { requests: 0, seconds: 60, perSecond: 1_000 },
  saturation: { requests: 0, seconds: 5, perSecond: 0 },
  'end-to-end': { requests: 0, seconds: 10, perSecond: 100 },
};

/** 0: not a size of this scenario. */
export function sizeOf(name: ScenarioName, { requests, seconds, perSecond }: Amounts): Sized {
  const size = SIZES[name];
  const of = (asked: number | undefined, own: number): number => (own === 0 ? 0 : (asked ?? own));
  return {
    requests: of(requests, size.requests),
    seconds: of(seconds, size.seconds),
    perSecond: of(perSecond, size.perSecond),
  };
}

/** About how many jobs a scenario pushes; null: as many as the API takes. */
export function jobsOf(name: ScenarioName, amounts: Amounts): number | null {
  const { requests, seconds, perSecond } = sizeOf(name, amounts);
  if (name === 'saturation') return null;
  return requests > 0 ? requests : Math.round(seconds * perSecond);
}
