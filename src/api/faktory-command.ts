/** Commands other than pushes, and how it is told what became of them. */
import { isMillraceError, messageOf } from '../errors.ts';
import { mutationFault } from '../protocol/set-filter.ts';
import type { ApiContext } from './context.ts';
import { Problem, problemOf } from './problem.ts';

export type CommandContext = Pick<ApiContext, 'client' | 'isOpen' | 'pushing'>;

const AWAY = 'Faktory cannot be reached: try again';
const NOTHING_DONE = 'Faktory cannot be reached, nothing was done: try again';

/** Sends one command, which Faktory answers with OK. Throws a Problem; nothing waits for Faktory to come back. */
export async function sendCommand(context: CommandContext, words: readonly string[]): Promise<void> {
  const { client, isOpen, pushing } = context;
  if (!isOpen()) throw new Problem('CLOSED');
  if (!client.connected) throw new Problem('FAKTORY_UNREACHABLE', { message: NOTHING_DONE });
  // A shutdown waits for it, as for pushes.
  pushing.enter();
  try {
    await client.send(words);
  } catch (error) {
    throw problemOfCommand(error);
  } finally {
    pushing.leave();
  }
}

/** Makes a problem of what kept a question, which changes nothing, from being answered. */
export function problemOfQuestion(error: unknown): Problem {
  if (isMillraceError(error, 'COMMAND_REFUSED')) return new Problem('COMMAND_REFUSED', { cause: error });
  const problem = problemOf(error);
  return problem.status === 503 ? new Problem(problem.code, { message: AWAY, cause: error }) : problem;
}

/** Makes a problem of what kept a command from being answered with OK. */
export function problemOfCommand(error: unknown): Problem {
  if (isMillraceError(error, 'CONNECTION_LOST', 'CONNECTION_STALLED'))
    return new Problem('COMMAND_UNFINISHED', { cause: error });
  if (isMillraceError(error, 'COMMAND_REFUSED')) return problemOfRefusal(messageOf(error), error);
  const problem = problemOf(error);
  // Those speak of a job, and there is none.
  return problem.status === 503 && problem.code !== 'CLOSED'
    ? new Problem(problem.code, { message: NOTHING_DONE, cause: error })
    : problem;
}

function problemOfRefusal(text: string, cause: unknown): Problem {
  switch (mutationFault(text)) {
    case 'late':
      return new Problem('COMMAND_UNFINISHED', {
        message:
          'the 5 s that Faktory gives a command were over: it may have done a part. Send it again for the rest',
        cause,
      });
    case 'shutdown':
      return new Problem('FAKTORY_UNREACHABLE', {
        message: 'Faktory is being ended, nothing was done: try again when it is back',
        cause,
      });
    case 'queue':
      return new Problem('COMMAND_REFUSED', {
        message:
          'a job has a queue that cannot be, a part may be done: discard such jobs by "match", then send it again',
        cause,
      });
    default:
      return new Problem('COMMAND_REFUSED', { cause });
  }
}
