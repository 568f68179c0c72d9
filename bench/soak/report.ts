/** What a soak has found, as tables and in one line. */
import { markdown } from '../table.ts';
import { FAULTS } from './faults.ts';
import {
  FLAT,
  type Latency,
  latencyOf,
  type Memory,
  memoryOf,
  recoveryOf,
  type Second,
  secondsOf,
  splitByFaults,
} from './figures.ts';
import { LATE_MS, type LostJob, lostWithFaktory } from './ledger.ts';
import type { HappenedHere, Result, SoakOptions } from './run.ts';

/** All figures, for `--json`. */
export interface Report {
  readonly options: SoakOptions;
  readonly faults: readonly (HappenedHere & {
    atS: number;
    backInMs: number | undefined;
    longestPauseMs: number;
  })[];
  readonly jobs: Result['account'];
  readonly requests: Result['counts'];
  readonly oddities: readonly string[];
  readonly answers: { readonly outside: Latency; readonly inside: Latency };
  /** How late the clients themselves were at most: then their figures tell of this machine. */
  readonly mostBehindMs: number;
  readonly seconds: readonly Second[];
  readonly memory: readonly Memory[];
  readonly drained: boolean;
  readonly drainSeconds: number;
  readonly folder: string | undefined;
  readonly verdict: string;
  readonly ok: boolean;
}

/** The clients are this process: what they keep of each job is no leak of millrace's. */
const NOT_JUDGED = 'clients';

export function reportOf(options: SoakOptions, result: Result): Report {
  const { faults, executedAt, times, answers, samples } = result;
  const { outside, inside } = splitByFaults(
    answers.filter(({ at }) => at >= times.warmAt),
    faults,
  );
  const memory = memoryOf(samples, times);
  return {
    options,
    faults: faults.map((fault, i) => ({
      ...fault,
      atS: (fault.from - times.warmAt) / 1_000,
      ...recoveryOf(fault, executedAt, faults[i + 1]?.from ?? Math.max(times.endAt, fault.to)),
    })),
    jobs: result.account,
    requests: result.counts,
    oddities: result.oddities,
    answers: { outside: latencyOf(outside), inside: latencyOf(inside) },
    mostBehindMs: result.mostBehindMs,
    seconds: secondsOf(answers, executedAt, times.warmAt),
    memory,
    drained: result.drained,
    drainSeconds: result.drainMs / 1_000,
    folder: result.folder,
    ...judge(options, result, memory),
  };
}

export function printReport(report: Report): void {
  console.log(
    [faultTable(report), jobTable(report), answerTable(report), memoryTable(report)]
      .join('\n\n')
      .concat('\n'),
  );
  for (const oddity of report.oddities) console.log(`odd: ${oddity}`);
  for (const job of report.jobs.lost) console.log(tellLost(job));
  if (report.folder) console.log(`Logs, Faktory's files and the runs are kept in ${report.folder}`);
  console.log(`VERDICT: ${report.verdict}`);
}

function judge(
  { killFaktory }: SoakOptions,
  { account, drained }: Result,
  memory: readonly Memory[],
): { verdict: string; ok: boolean } {
  const { lost, ghosts, held, accepted } = account;
  const byFaktory = lostWithFaktory(lost);
  const judged = memory.filter(({ role }) => role !== NOT_JUDGED);
  const words = [
    lost.length === 0 ? `nothing lost of ${count(accepted)} accepted jobs` : `${lost.length} LOST`,
    ...(byFaktory > 0
      ? [`${byFaktory} of them when Faktory's own process ended: up to one a fetch lane may be`]
      : []),
    ...(ghosts > 0 ? [`${ghosts} RAN THAT WERE TOLD AS NOT STORED`] : []),
    ...(drained ? [] : [`NOT DRAINED, ${held} jobs still in Faktory`]),
    memoryWords(judged),
  ];
  const unexplained = killFaktory ? lost.length - byFaktory : lost.length;
  return { verdict: words.join('; '), ok: unexplained === 0 && ghosts === 0 && drained };
}

function memoryWords(memory: readonly Memory[]): string {
  const within = `within ${FLAT * 100}%`;
  const having = (flat: Memory['flat']): string =>
    memory
      .filter((one) => one.flat === flat)
      .map(
        ({ role, before, end, drained }) =>
          `${role} ${[before, end, drained].map((mb) => mb.toFixed(0)).join(', ')} MB`,
      )
      .join('; ');
  const [grown, back] = [having('no'), having('given back')];
  const after = 'after warm-up, at the end of load, drained';
  if (grown !== '') return `memory NOT flat (${after}): ${grown}`;
  return back === ''
    ? `memory flat (${within})`
    : `memory flat (${within}) once drained, more under load (${after}): ${back}`;
}

function faultTable({ faults }: Report): string {
  const rows = faults.map((fault) => [
    `${fault.atS.toFixed(1)} s`,
    FAULTS[fault.fault] + (fault.error === undefined ? '' : ' (went wrong)'),
    seconds(fault.to - fault.from),
    seconds(fault.backInMs ?? Number.NaN),
    seconds(fault.longestPauseMs),
    count(fault.retried),
    count(fault.unknown),
  ]);
  return markdown(
    ['at', 'fault', 'lasted', 'first job after its end', 'longest pause', 'requests asked again', 'unknown'],
    rows,
  );
}

function jobTable({ jobs, requests, drainSeconds }: Report): string {
  const rows: [string, string | number][] = [
    ['posted', jobs.posted],
    ['accepted (202)', jobs.accepted],
    ['unknown: 504', requests.unknown],
    ['unknown: connection ended without an answer', requests.broken],
    ['unknown, and executed', jobs.unknownExecuted],
    ['requests refused (503, connection refused) and sent again', requests.retried],
    ['jobs that took more than one request', jobs.retriedJobs],
    ['never accepted', jobs.refused],
    ['accepted and executed', jobs.executed],
    ['executed twice', jobs.twice],
    ['started again (killed or handed back, executed twice included)', jobs.startedAgain],
    ['whose handler threw', jobs.jobsThatThrew],
    ['in Dead', jobs.dead],
    ['still held by Faktory', jobs.held],
    ['run though told as not stored', jobs.ghosts],
    ['lost', jobs.lost.length],
    [`late (executed over ${LATE_MS / 1_000} s after accepted)`, jobs.late],
    ['late though their handler had not thrown', jobs.lateUnthrown],
    ['latest', seconds(jobs.latestMs)],
    ['to drain', seconds(drainSeconds * 1_000)],
  ];
  return markdown(
    ['jobs', ''],
    rows.map(([what, figure]) => [what, typeof figure === 'number' ? count(figure) : figure]),
  );
}

function answerTable({ answers: { outside, inside }, mostBehindMs }: Report): string {
  const row = (what: string, { answers, p50, p99, max }: Latency): string[] => [
    what,
    count(answers),
    millis(p50),
    millis(p99),
    millis(max),
  ];
  const table = markdown(
    ['HTTP answers', 'requests', 'p50', 'p99', 'max'],
    [row('outside of faults', outside), row('during a fault and 1 s after', inside)],
  );
  return `${table}\n\nThe clients' own process was ${millis(mostBehindMs)} behind its schedule at most.`;
}

function memoryTable({ memory }: Report): string {
  const mb = (value: number): string => (Number.isNaN(value) ? '–' : value.toFixed(0));
  return markdown(
    ['MB resident', 'after warm-up', 'end of load', 'peak', 'drained', 'slope, MB/min', 'flat'],
    memory.map(({ role, before, end, peak, drained, slope, flat }) => [
      role,
      ...[before, end, peak, drained, slope].map(mb),
      role === NOT_JUDGED ? 'not judged' : flat,
    ]),
  );
}

function tellLost({ id, jid, acceptedAt, starts, neighboursRanAt, during }: LostJob): string {
  const time = (at: number): string => new Date(at).toISOString().slice(11, 23);
  const begun = starts.map(({ at, pid }) => `${time(at)} by ${pid}`).join(', ') || 'never';
  const near = neighboursRanAt.map(time).join(' ');
  return `lost: job ${id}, jid ${jid}, accepted ${time(acceptedAt)}, started ${begun}; its neighbours ran ${near}; fault then: ${during ? FAULTS[during] : 'none'}`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function seconds(ms: number): string {
  return Number.isNaN(ms) ? '–' : `${(ms / 1_000).toFixed(2)} s`;
}

function millis(ms: number): string {
  return Number.isNaN(ms) ? '–' : `${ms.toFixed(1)} ms`;
}
