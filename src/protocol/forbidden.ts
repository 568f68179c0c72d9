/**
 * Commands that must not be sent by hand, and what to use instead; pure. Some belong to the connection, which is
 * shared; one changes the whole server; bare ones end the process of Faktory 1.9 (a Go panic).
 */

/** Commands that panic without an argument. */
const NEEDS_ARGUMENT: Record<string, string> = {
  PUSHB: 'client.pushBulk(jobs)',
  ACK: 'client.ack(jid)',
  FAIL: 'client.fail(jid, error)',
  BEAT: 'client.beat()',
};
const NEEDS_QUEUES = ['PAUSE', 'RESUME', 'REMOVE'];

/** Why a command line is refused, in one line that holds nothing of its arguments; undefined when it is not. */
export function whyForbidden(line: string): string | undefined {
  // As Faktory reads it: the verb is what stands before the first space, in upper case.
  const space = line.trimEnd().indexOf(' ');
  const verb = space === -1 ? line.trimEnd() : line.slice(0, space);
  const rest = space === -1 ? '' : line.slice(space).trim();
  switch (verb) {
    case 'END':
      return 'END would end a connection that others use: use client.close()';
    case 'HELLO':
      return 'HELLO was said when the connection was opened: use the options of the client (wid, labels, password)';
    case 'PUSH':
      return 'PUSH changes the default retry of the whole Faktory: use client.push(job), which sends PUSHB';
    case 'QUEUE':
      return whyForbiddenQueue(rest);
    default:
      if (!Object.hasOwn(NEEDS_ARGUMENT, verb) || rest !== '') return undefined;
      return `${verb} without an argument ends Faktory 1.9: use ${NEEDS_ARGUMENT[verb]}`;
  }
}

function whyForbiddenQueue(rest: string): string | undefined {
  const [first = '', ...names] = rest.split(/\s+/);
  const subcommand = first.toUpperCase();
  if (subcommand === '')
    return "QUEUE without an argument ends Faktory 1.9: say what to do, as in ['QUEUE', 'PAUSE', 'default']";
  if (!NEEDS_QUEUES.includes(subcommand) || names.length > 0) return undefined;
  return `QUEUE ${subcommand} without a queue ends Faktory 1.9: name queues, or * for all, as in ['QUEUE', '${subcommand}', 'default']`;
}
