/**
 * Giving a job back to Faktory, which has no command for it; pure. A copy is pushed under a new jid, and once
 * that is stored the held job is ACKed: a crash between is a duplicate, never a loss. The jid must be new,
 * because reservations are kept per jid: the ACK would remove the next holder's.
 */
import { randomBytes } from 'node:crypto';
import { COPY_JID, type EncodedJob, type JobFailure, type JobPayload } from '../protocol/job.ts';

/** The jid a job was first pushed under. */
export function firstJid(jid: string): string {
  return COPY_JID.exec(jid)?.[1] ?? jid;
}

/** Whether the job is no copy. */
export function isFirst({ jid }: JobPayload): boolean {
  return firstJid(jid) === jid;
}

/** The jid of the next copy. */
export function nextJid(jid: string, random: string = randomBytes(2).toString('hex')): string {
  const copy = COPY_JID.exec(jid);
  return copy === null ? `${jid}.1-${random}` : `${copy[1]}.${Number(copy[2]) + 1}-${random}`;
}

/** Faktory Enterprise keeps books on these by jid: a copy under another jid would break them. */
const ENTERPRISE_FIELDS = ['bid', 'unique_for', 'track'];

/** Whether a copy can stand for the job. Of one that could not be read nothing but its jid is known: no queue. */
export function canHandBack(job: JobPayload): boolean {
  return job.queue !== '' && !ENTERPRISE_FIELDS.some((field) => job.custom?.[field] !== undefined);
}

/**
 * The copy to push: the same job and history, no retry burnt; `at` delays it, `failure` is what failed meanwhile. It is
 * written as it came: what others have pushed need not fit the rules that we hold our own jobs to.
 */
export function copyOf(
  job: JobPayload,
  { at, failure }: { at?: Date; failure?: JobFailure } = {},
): EncodedJob {
  const { at: _past, enqueued_at: _stamped, ...kept } = job;
  const jid = nextJid(job.jid);
  const copy = {
    ...kept,
    jid,
    ...(at === undefined ? {} : { at: at.toISOString() }),
    ...(failure === undefined ? {} : { failure }),
  };
  const json = JSON.stringify(copy);
  return { jid, queue: job.queue, json, bytes: Buffer.byteLength(json) };
}
