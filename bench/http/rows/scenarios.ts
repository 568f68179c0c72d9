/** Rows 4 to 7: the scenarios of `millrace load`, which is what users run. */
import type { ScenarioResult } from '../../../src/load/results.ts';
import type { ScenarioName } from '../../../src/load/scenarios.ts';
import { startFaktory } from '../../stage.ts';
import type { HttpRound, HttpRow } from '../row.ts';

/** The built one: its processes are programs of dist/. */
const BUILT = new URL('../../../dist/load/run.js', import.meta.url).href;

async function run(round: HttpRound, name: ScenarioName, kind: 'real' | 'embedded'): Promise<ScenarioResult> {
  const { runLoad } = (await import(BUILT)) as typeof import('../../../src/load/run.ts');
  await using faktory = await startFaktory(kind, round.faktoryVersion);
  const [result] = await runLoad({
    scenarios: [name],
    amounts: {
      requests: undefined,
      seconds: name === 'sustained' ? round.seconds * SUSTAINED_TIMES : round.seconds,
      perSecond: undefined,
      connections: 100,
    },
    foreign: undefined,
    faktory: { url: faktory.url },
    jobtype: 'millrace-load',
    pushing: {},
    signal: new AbortController().signal,
    onStep: () => {},
  });
  if (result === undefined) throw new Error(`${name} came to nothing`);
  if (result.gaps.length > 0) throw new Error(`${name}: ${result.gaps.join('; ')}`);
  return result;
}

/** Sixty seconds where a measurement lasts three. */
const SUSTAINED_TIMES = 20;
const MB = 1e6;

export const tenThousand: HttpRow = {
  ids: ['4'],
  async measure(round) {
    const { executedSeconds } = await run(round, 'ten-thousand', 'real');
    const what = 'real: 10,000 jobs, one a request, submitted to executed, s';
    round.note({ row: '4', what, target: 'under 2', digits: 2 }, executedSeconds ?? Number.NaN);
  },
};

export const bombardment: HttpRow = {
  ids: ['5'],
  async measure(round) {
    const bulk = await run(round, 'bulk', 'real');
    const inBulk = {
      row: '5',
      what: 'real: 50,000 in one bulk, 1% invalid: accepted, s',
      target: 'under 3',
      digits: 2,
    };
    round.note(inBulk, bulk.seconds);
    const { seconds, executedSeconds } = await run(round, 'bombardment', 'real');
    const line = (what: string) => ({
      row: '5',
      what: `real: 50,000, one a request, 1% invalid: ${what}`,
      target: '',
      digits: 2,
    });
    round.note(line('accepted, s'), seconds);
    round.note(line('the last executed, s'), executedSeconds ?? Number.NaN);
  },
};

export const sustained: HttpRow = {
  ids: ['6'],
  async measure(round) {
    const { api, latency, seconds } = await run(round, 'sustained', 'real');
    const line = (what: string, target: string, digits = 0) => ({
      ...{ row: '6', target, digits },
      what: `real: 1,000 requests/s for ${Math.round(seconds)} s: ${what}`,
    });
    round.note(line('CPU, % of a core', 'under 30'), (api?.cpu ?? Number.NaN) * 100);
    round.note(line('memory, MB', 'under 150'), (api?.memoryMost ?? Number.NaN) / MB);
    round.note(line('p99, ms', 'under 20', 1), latency?.p99 ?? Number.NaN);
  },
};

export const saturation: HttpRow = {
  ids: ['7'],
  async measure(round) {
    const { overload, api } = await run(round, 'saturation', 'real');
    const line = (what: string, target: string) => ({
      row: '7',
      what: `real: 10 × the limit in flight: ${what}`,
      target,
    });
    round.note(line('recovered after, ms', 'under 500'), overload?.recoveryMs ?? Number.NaN);
    round.note(line('memory before, MB', ''), (api?.memoryBefore ?? Number.NaN) / MB);
    round.note(line('memory afterwards, MB', 'back'), (api?.memoryAfter ?? Number.NaN) / MB);
  },
};
