/** What `millrace dead|retries|scheduled` says: before it asks, and after. */
import { parseAddress } from '../connection/address.ts';
import { isMillraceError, MillraceError, messageOf } from '../errors.ts';
import { rawCommand } from '../protocol/commands.ts';
import { mutationFault, type SetCommand, type SetName } from '../protocol/set-filter.ts';

export type Sizes = Readonly<Record<SetName, number>>;

export interface Mutation {
  readonly set: SetName;
  readonly cmd: SetCommand;
  /** The JSON of each MUTATE. */
  readonly payloads: readonly string[];
  /** Address of Faktory, as it may be shown. */
  readonly where: string;
}

const TITLES: Readonly<Record<SetName, string>> = {
  dead: 'Dead',
  retries: 'Retries',
  scheduled: 'Scheduled',
};
const PAGES: Readonly<Record<SetName, string>> = {
  dead: 'morgue',
  retries: 'retries',
  scheduled: 'scheduled',
};
const WEB_PORT = 7420;

/** Faktory goes through about 12,000 jobs a second, and takes five: beyond this it may not come to the end. */
const LARGE = 20_000;
const SHOWN = 5;

/** The command as it is on the wire, the size, and how to look first. Ends with a line end. */
export function previewText({ set, cmd, payloads, where }: Mutation, sizes: Sizes): string {
  const size = sizes[set];
  const whole = !hasFilter(payloads);
  const lines = payloads.slice(0, SHOWN).map((payload) => rawCommand(['MUTATE', payload]).trimEnd());
  if (payloads.length > SHOWN) lines.push(`… and ${payloads.length - SHOWN} more for the other jids`);
  lines.push(
    `${TITLES[set]} holds ${jobs(size)} now. ${whole ? 'All are meant. ' : ''}The protocol can neither list nor count ${whole ? 'them' : 'those that match'}:`,
    `look at ${pageOf(where, set)}, if Faktory's page is on the usual port.`,
  );
  // A discard without a filter takes the set away as a whole.
  if (size > LARGE && !(whole && cmd === 'discard')) {
    lines.push(
      `So large a set may take Faktory longer than the 5 s it gives a command: then a part is done.`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** The address of the set on Faktory's own page. */
export function pageOf(where: string, set: SetName): string {
  const { host } = parseAddress(where);
  return `http://${host.includes(':') ? `[${host}]` : host}:${WEB_PORT}/${PAGES[set]}`;
}

/** The sizes; of Dead too after a kill. `after` is not known when Faktory went away. */
export function outcomeText({ set, cmd }: Mutation, before: Sizes, after: Sizes | undefined): string {
  const sets: SetName[] = cmd === 'kill' ? [set, 'dead'] : [set];
  const change = (name: SetName): string =>
    `${TITLES[name]}: ${jobs(before[name])} before, ${after === undefined ? 'not known' : count(after[name])} after`;
  const queues = '; what became of them in their queues is not known: workers may have run them already';
  return `${sets.map(change).join('; ')}${cmd === 'requeue' ? queues : ''}`;
}

/**
 * What to say of a MUTATE that was not answered with OK. `done`: of how many jids the ones before were, where there
 * were several. Faktory goes through the set one by one, so whatever stops it may have done a part.
 */
export function whyItStopped(error: unknown, done?: number): MillraceError {
  if (!isMillraceError(error)) throw error;
  const cause = messageOf(error);
  const which = done === undefined ? '' : `, after the first ${count(done)} jids`;
  const told = (text: string): MillraceError =>
    new MillraceError(error.code, `${cause}${which}: ${text}`, { cause: error });
  if (isMillraceError(error, 'COMMAND_REFUSED')) {
    switch (mutationFault(cause)) {
      case 'late':
        return told(
          'its time was up; it may have done part of it, the sizes say. Send it again for the rest',
        );
      case 'shutdown':
        return told('it was not done; send it again when Faktory is back');
      case 'queue':
        return told(
          'a job has a queue that cannot be; part may be done. Discard such jobs by --match \'*"queue":"…"*\', then send it again',
        );
      default:
        return told(
          "it may have done part of it, the sizes say; Faktory's log may say why. Send it again then",
        );
    }
  }
  if (isMillraceError(error, 'CONNECTION_LOST', 'CONNECTION_STALLED')) {
    return told(
      'all, part or nothing of it may be done, the sizes say. Send it again if they did not change',
    );
  }
  return done === undefined ? error : told('the others were not sent');
}

function hasFilter([payload]: readonly string[]): boolean {
  return 'filter' in (JSON.parse(payload!) as object);
}

function jobs(size: number): string {
  return `${count(size)} ${size === 1 ? 'job' : 'jobs'}`;
}

function count(number: number): string {
  return new Intl.NumberFormat('en-US').format(number);
}
