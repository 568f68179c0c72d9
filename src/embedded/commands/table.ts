/** The verb table: a new command is a row here and a function in a file of its kind. */
import { errorReply, OK_REPLY } from '../../protocol/replies.ts';
import { beat } from './beat.ts';
import { type Caller, type Command, type Faktory, MissingPayload } from './command.ts';
import { fetch } from './fetch.ts';
import { info } from './info.ts';
import { mutate } from './mutate.ts';
import { push, pushb } from './push.ts';
import { queue } from './queue.ts';
import { ack, fail } from './report.ts';

const flush: Command = ({ store }) => {
  store.flush();
  return OK_REPLY;
};

/** Closes without a reply, as Faktory does whatever its documentation says. */
const end: Command = (_faktory, _payload, caller) => {
  caller.end();
  return '';
};

const enterpriseOnly =
  (subsystem: string): Command =>
  () =>
    errorReply(`${subsystem} subsystem is only available in Faktory Enterprise`);

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['ACK', ack],
  ['BATCH', enterpriseOnly('batch')],
  ['BEAT', beat],
  ['END', end],
  ['FAIL', fail],
  ['FETCH', fetch],
  ['FLUSH', flush],
  ['INFO', info],
  ['MUTATE', mutate],
  ['PUSH', push],
  ['PUSHB', pushb],
  ['QUEUE', queue],
  ['TRACK', enterpriseOnly('tracking')],
]);

/** Runs one line; returns its reply, or undefined when the caller now waits for it. */
export function runCommand(faktory: Faktory, line: string, caller: Caller): string | undefined {
  const space = line.indexOf(' ');
  const verb = space === -1 ? line : line.slice(0, space);
  const command = COMMANDS.get(verb);
  if (command === undefined) return errorReply(`unknown command ${verb}`);
  faktory.counters.commands += 1;
  try {
    return command(faktory, space === -1 ? undefined : line.slice(space + 1), caller);
  } catch (error) {
    if (error instanceof MissingPayload) return errorReply('internal error');
    throw error;
  } finally {
    if (faktory.watchers.size > 0) for (const watch of faktory.watchers) watch();
  }
}
