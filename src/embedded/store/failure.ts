/** What a failure does to a job: pure rules, from Faktory's retry.go. */
import type { FailureRecord, JobRecord } from '../job/record.ts';
import { formatTime } from '../job/times.ts';

/** What a FAIL tells. */
export interface FailReport {
  errtype: string;
  message: string;
  backtrace: string[];
}

/** What becomes of a reservation that ran out. */
export const RESERVATION_EXPIRED: FailReport = {
  errtype: 'ReservationExpired',
  message: 'Faktory job reservation expired',
  backtrace: [],
};

export type Fate = 'discarded' | 'retries' | 'dead';

const MESSAGE_BYTES = 1000;
const ERRTYPE_BYTES = 100;
const BACKTRACE_LINES = 50;

/** Seconds until the next try after `count` retries: Faktory's (and Sidekiq's) formula, its random part given. */
export function retryDelayS(count: number, random: number): number {
  return count ** 4 + 15 + Math.floor(random * 30) * (count + 1);
}

/** Where a job goes that has just failed; its failure must have been recorded. */
export function fateOf(job: JobRecord): Fate {
  if (job.retry === 0) return 'discarded';
  return (job.failure?.retry_count ?? 0) < job.retry ? 'retries' : 'dead';
}

/** The failure block after one failure more: the first counts 0 retries, later ones keep its `failed_at`. */
export function recordFailure(job: JobRecord, report: FailReport, now: number): FailureRecord {
  const told = {
    message: cut(report.message, MESSAGE_BYTES),
    errtype: cut(report.errtype, ERRTYPE_BYTES),
    backtrace: report.backtrace.slice(0, BACKTRACE_LINES),
  };
  const before = job.failure;
  if (before === null) {
    return { failed_at: formatTime(now), next_at: '', ...told, retry_count: 0, remaining: job.retry };
  }
  const remaining = Math.max(before.remaining - 1, 0);
  return { ...before, ...told, retry_count: before.retry_count + 1, remaining };
}

/** Trimmed, cut to so many bytes of UTF-8; "unknown" when nothing is left. */
function cut(text: string, bytes: number): string {
  const trimmed = text.trim();
  if (trimmed === '') return 'unknown';
  if (trimmed.length * 3 <= bytes) return trimmed;
  const encoded = Buffer.from(trimmed);
  return encoded.length <= bytes ? trimmed : encoded.toString('utf8', 0, bytes);
}
