/** MUTATE: jobs of Scheduled, Retries or Dead are killed, discarded, requeued or cleared. */
import { errorReply, OK_REPLY } from '../../protocol/replies.ts';
import { asObject, asString, asStrings, JsonError, parseFields } from '../job/json-decode.ts';
import type { Store } from '../store/store.ts';
import { recordOf, type StoredJob } from '../store/stored-job.ts';
import type { TimedSet } from '../store/timed-set.ts';
import type { Command } from './command.ts';
import { matchesGlob } from './glob.ts';

type Matches = (job: StoredJob) => boolean;
type Operation = (store: Store, set: TimedSet, matches: Matches) => void;

const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['clear', (_store, set) => set.clear()],
  ['discard', (_store, set, matches) => void set.extract(matches)],
  [
    'kill',
    (store, set, matches) => {
      for (const job of set.extract(matches)) store.bury(job);
    },
  ],
  [
    'requeue',
    (store, set, matches) => {
      for (const job of set.extract(matches)) store.enqueue(job);
    },
  ],
]);

export const mutate: Command = ({ store }, payload) => {
  if (payload === undefined || payload.includes(' ')) return errorReply('invalid format');
  try {
    const fields = parseFields(payload, 'client.Operation');
    const operation = OPERATIONS.get(asString(fields.get('cmd') ?? '', 'Operation.cmd'));
    const target = asString(fields.get('target') ?? '', 'Operation.target');
    const matches = filterOf(
      asObject(fields.get('filter') ?? {}, 'Operation.filter of type client.JobFilter'),
    );
    if (operation === undefined) return errorReply('unknown mutate operation');
    const set = setOf(store, target);
    if (set === undefined) return errorReply('invalid target for mutation command');
    operation(store, set, matches);
    return OK_REPLY;
  } catch (error) {
    if (error instanceof JsonError) return errorReply(error.message);
    throw error;
  }
};

function setOf(store: Store, target: string): TimedSet | undefined {
  return target === 'scheduled' || target === 'retries' || target === 'dead' ? store[target] : undefined;
}

/** jids win over all; else the glob over the stored text and the jobtype must both match; nothing matches all. */
function filterOf(raw: Record<string, unknown>): Matches {
  const fields = new Map(Object.entries(raw).map(([name, value]) => [name.toLowerCase(), value]));
  const jids = new Set(asStrings(fields.get('jids') ?? [], 'JobFilter.filter.jids'));
  const regexp = asString(fields.get('regexp') ?? '', 'JobFilter.filter.regexp');
  const jobtype = asString(fields.get('jobtype') ?? '', 'JobFilter.filter.jobtype');
  if (jids.size > 0) return (job) => jids.has(job.jid);
  return (job) =>
    (regexp === '' || matchesGlob(regexp, job.text)) && (jobtype === '' || recordOf(job).jobtype === jobtype);
}
