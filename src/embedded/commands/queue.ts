/** QUEUE PAUSE, RESUME, REMOVE and LATENCY. */
import { bulkReply, errorReply, OK_REPLY } from '../../protocol/replies.ts';
import { encodeString } from '../job/json-encode.ts';
import { parseTime, timeError } from '../job/times.ts';
import type { Queue, Queues } from '../store/queues.ts';
import { recordOf } from '../store/stored-job.ts';
import { type Command, MissingPayload, required } from './command.ts';

type Subcommand = (queues: Queues, names: readonly string[], now: number) => string;

export const queue: Command = ({ store, clock }, payload) => {
  const [word, ...names] = required(payload).split(' ');
  const name = word!.toUpperCase();
  const subcommand = SUBCOMMANDS.get(name);
  if (subcommand === undefined) return errorReply(`no such QUEUE subcommand: ${name}`);
  return subcommand(store.queues, names, clock.now());
};

/** Applied to each queue that is known; unknown names are passed over, `*` means all. */
function onEach(change: (queue: Queue, queues: Queues) => void): Subcommand {
  return (queues, names) => {
    if (names.length === 0) throw new MissingPayload();
    for (const name of names[0] === '*' ? queues.names : names) {
      const found = queues.get(name);
      if (found !== undefined) change(found, queues);
    }
    return OK_REPLY;
  };
}

const SUBCOMMANDS: ReadonlyMap<string, Subcommand> = new Map<string, Subcommand>([
  [
    'PAUSE',
    onEach((found) => {
      found.paused = true;
    }),
  ],
  [
    'RESUME',
    onEach((found) => {
      found.paused = false;
    }),
  ],
  ['REMOVE', onEach((found, queues) => queues.remove(found.name))],
  ['LATENCY', latency],
]);

/**
 * How many seconds the oldest job of each queue has waited. One that MUTATE has requeued out of Scheduled never got an
 * enqueued_at, and makes an error of the whole reply, as with Faktory.
 */
function latency(queues: Queues, names: readonly string[], now: number): string {
  if (names[0] === '*') return errorReply('QUEUE LATENCY does not support wildcards');
  const entries: string[] = [];
  for (const name of [...new Set(names)].sort()) {
    const oldest = queues.get(name)?.jobs.peek();
    const text = oldest === undefined ? undefined : recordOf(oldest).enqueued_at;
    const since = text === undefined ? now : parseTime(text);
    if (since === undefined) return errorReply(`QUEUE: ${timeError(text ?? '')}`);
    entries.push(`${encodeString(name)}:${Math.max(now - since, 0) / 1000}`);
  }
  return bulkReply(`{${entries.join(',')}}`);
}
