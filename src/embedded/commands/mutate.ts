/** MUTATE: jobs of Scheduled, Retries or Dead are killed, discarded, requeued or cleared. */
import { errorReply, OK_REPLY } from '../../protocol/replies.ts';
import { asObject, asString, asStrings, JsonError, parseFields } from '../job/json-decode.ts';
import type { Store } from '../store/store.ts';
import type { StoredJob } from '../store/stored-job.ts';
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

/**
 * jids win over all; else the glob, and the jobtype; nothing matches all. All of it is looked for in the stored text,
 * and a jobtype that stands alone is itself a glob there, as in the real one.
 */
function filterOf(raw: Record<string, unknown>): Matches {
  const fields = new Map(Object.entries(raw).map(([name, value]) => [name.toLowerCase(), value]));
  const jids = asStrings(fields.get('jids') ?? [], 'JobFilter.filter.jids');
  const regexp = asString(fields.get('regexp') ?? '', 'JobFilter.filter.regexp');
  const jobtype = asString(fields.get('jobtype') ?? '', 'JobFilter.filter.jobtype');
  if (jids.length > 0) {
    const needles = jids.map((jid) => `"jid":${JSON.stringify(jid)}`);
    return ({ text }) => needles.some((needle) => text.includes(needle));
  }
  const ofType = `"jobtype":${JSON.stringify(jobtype)}`;
  if (regexp !== '')
    return ({ text }) => matchesGlob(regexp, text) && (jobtype === '' || text.includes(ofType));
  return jobtype === '' ? () => true : ({ text }) => matchesGlob(`*${ofType}*`, text);
}
