/** Carries out `millrace doctor`: looks, judges, calculates, prints. */
import type { Config } from '../config.ts';
import { resolveLink } from '../connection/options.ts';
import { type Check, checkText } from './doctor-check.ts';
import { checksOf } from './doctor-checks.ts';
import { type Findings, look } from './doctor-look.ts';
import { type Load, sumOf, sumText, thumbText } from './doctor-sum.ts';
import { linkOf } from './link.ts';

export interface DoctorRun {
  /** Given: then nothing is connected to. */
  readonly rttMs: number | undefined;
  readonly jobTimeMs: number;
  readonly rate: number | undefined;
  readonly processes: number;
  readonly json: boolean;
  readonly config: Config;
}

interface Examined {
  readonly where: string;
  readonly findings: Findings;
  readonly checks: readonly Check[];
}

/** Whether all is well. Throws ADDRESS_INVALID, CONFIG_INVALID. */
export async function runDoctor(run: DoctorRun): Promise<boolean> {
  const examined = run.rttMs === undefined ? await examine(run) : undefined;
  const checks = examined?.checks ?? [];
  const failed = checks.filter(({ verdict }) => verdict === 'FAIL').length;
  const roundTripMs = run.rttMs ?? threeDigits(examined?.findings.roundTrips?.median);
  if (run.json) console.log(JSON.stringify(reportOf(run, examined, roundTripMs, failed === 0)));
  else {
    for (const check of checks) console.log(checkText(check));
    if (examined !== undefined) console.log(`\n${conclusion(checks, failed)}\n`);
    for (const line of advice(run, roundTripMs)) console.log(line);
  }
  return failed === 0;
}

async function examine({ config, processes }: DoctorRun): Promise<Examined> {
  const { connect, where } = linkOf(config, false);
  const { address, budget } = resolveLink(connect);
  const findings = await look(address, budget);
  const checks = checksOf(findings, { address, maxConnections: config.FAKTORY_MAX_CONNECTIONS, processes });
  return { where, findings, checks };
}

function conclusion(checks: readonly Check[], failed: number): string {
  const warned = checks.filter(({ verdict }) => verdict === 'warn').length;
  if (failed + warned === 0) return 'All is well.';
  return failed === 0 ? `All is well, with ${warned} to look at.` : 'Not all is well: see FAIL.';
}

function advice(run: DoctorRun, roundTripMs: number | undefined): string[] {
  if (roundTripMs === undefined)
    return [
      'No round trip was measured, so there is nothing to calculate with: give one by --rtt, and it connects to nothing.',
    ];
  const load = loadOf(run, roundTripMs);
  return load === undefined ? thumbText(roundTripMs, run.jobTimeMs) : sumText(load);
}

function loadOf({ jobTimeMs, rate, processes }: DoctorRun, roundTripMs?: number): Load | undefined {
  return rate === undefined || roundTripMs === undefined
    ? undefined
    : { roundTripMs, jobTimeMs, rate, processes };
}

/** So that the sum that is shown is the one that was made. */
const threeDigits = (ms: number | undefined): number | undefined =>
  ms === undefined ? undefined : Number(ms.toPrecision(3));

function reportOf(
  run: DoctorRun,
  examined: Examined | undefined,
  roundTripMs: number | undefined,
  ok: boolean,
) {
  const { info, queueReport, roundTrips, tls } = examined?.findings ?? {};
  const load = loadOf(run, roundTripMs);
  return {
    ok,
    faktory: examined?.where ?? null,
    checks: examined?.checks ?? [],
    figures: {
      roundTripMs: roundTrips ?? null,
      server: info ?? null,
      tls: tls ?? null,
      queues: queueReport?.queues ?? null,
      sets: queueReport?.sets ?? null,
    },
    load: load ?? null,
    sum: load === undefined ? null : sumOf(load),
  };
}
