/** A job at rest: its text as it will be delivered, and beside it the little that is asked for on the way. */
import { decodeJob, encodeJob, type JobRecord } from '../job/record.ts';

const DEFAULT_LEASE_S = 1800;
const MIN_LEASE_S = 60;
const MAX_LEASE_S = 86_400;

export interface StoredJob {
  readonly jid: string;
  readonly queue: string;
  /** The JSON that a FETCH delivers. */
  readonly text: string;
  /** The length of `text` in UTF-8. */
  readonly bytes: number;
  /** How long a worker may hold it. */
  readonly leaseMs: number;
  /** Until when it is held; 0 while it is not. Only the Working set writes it. */
  expiresAt: number;
}

/** Writes a job's text, once. */
export function storeJob(record: JobRecord): StoredJob {
  const text = encodeJob(record);
  const lease = record.reserve_for === 0 ? DEFAULT_LEASE_S : record.reserve_for;
  return {
    jid: record.jid,
    queue: record.queue,
    text,
    bytes: Buffer.byteLength(text),
    leaseMs: Math.min(Math.max(lease, MIN_LEASE_S), MAX_LEASE_S) * 1000,
    expiresAt: 0,
  };
}

/** The fields of a stored job, to be changed and stored again. */
export function recordOf(job: StoredJob): JobRecord {
  return decodeJob(JSON.parse(job.text));
}
