/** PUSH and PUSHB: jobs come in. */
import { bulkReply, errorReply, OK_REPLY } from '../../protocol/replies.ts';
import { JsonError, parseJson, wrongType } from '../job/json-decode.ts';
import { encodeString } from '../job/json-encode.ts';
import { decodeJob, type JobRecord, refusalOf } from '../job/record.ts';
import type { Admission } from '../store/store.ts';
import { type Command, required } from './command.ts';

const ALL_STORED = bulkReply('{}');

export const push: Command = ({ store, faults }, payload) => {
  const text = required(payload);
  return refusingJson(() => {
    const job = decodeJob(parseJson(text));
    const refusal = refusalOf(job) ?? faults.refusalOf(job.jobtype);
    if (refusal !== undefined) return errorReply(refusal);
    store.admit(store.prepare(job));
    return OK_REPLY;
  });
};

/** Answers with a map of jid → refusal. A wrong type in one job refuses all of them; a broken rule only that one. */
export const pushb: Command = ({ store, faults }, payload) => {
  const text = required(payload);
  return refusingJson(() => {
    const refused = new Map<string, string>();
    const admitted: Admission[] = [];
    for (const job of decodeJobs(text)) {
      const refusal = refusalOf(job) ?? faults.refusalOf(job.jobtype);
      if (refusal === undefined) admitted.push(store.prepare(job));
      else refused.set(job.jid, refusal);
    }
    for (const admission of admitted) store.admit(admission);
    return refused.size === 0 ? ALL_STORED : bulkReply(encodeRefused(refused));
  });
};

function decodeJobs(text: string): JobRecord[] {
  const jobs = parseJson(text) ?? [];
  if (!Array.isArray(jobs)) throw wrongType(jobs, 'Go value of type []client.Job');
  return jobs.map(decodeJob);
}

function encodeRefused(refused: Map<string, string>): string {
  const entries = [...refused].sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([jid, refusal]) => `${encodeString(jid)}:${encodeString(refusal)}`).join(',')}}`;
}

function refusingJson(run: () => string): string {
  try {
    return run();
  } catch (error) {
    if (error instanceof JsonError) return errorReply(`invalid JSON: ${error.message}`);
    throw error;
  }
}
