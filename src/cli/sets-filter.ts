/**
 * From the options of `millrace dead|retries|scheduled …` to what MUTATE takes. Everything here was tried on the real
 * Faktory, which compares in two ways: a jobtype alone becomes a part of a Redis glob, and jids, or a jobtype beside
 * a glob, are looked for as Go would quote them. Neither is how the job was stored (Go's JSON), so a name that the
 * three write differently must go another way, or be refused: it would match too much, or nothing, without a word.
 */
import { MillraceError } from '../errors.ts';

export const SET_NAMES = ['dead', 'retries', 'scheduled'] as const;
export type SetName = (typeof SET_NAMES)[number];
export type SetCommand = 'requeue' | 'discard' | 'kill';

/** As given on the command line. */
export interface FilterOptions {
  jobtype?: string;
  jid?: readonly string[];
  match?: string;
  all?: true;
}

/** MUTATE's own filter. An empty one acts on the whole set. */
export interface JobFilter {
  readonly jids?: readonly string[];
  /** A Redis glob, whatever its name says. */
  readonly regexp?: string;
  readonly jobtype?: string;
}

/** In one MUTATE: Faktory looks at each job of the set for each of them, and has five seconds for the whole. */
export const JIDS_AT_ONCE = 10;

/** Throws CONFIG_INVALID. Only an explicit `--all` makes an empty filter. */
export function filterOf({ jobtype, jid, match, all }: FilterOptions): JobFilter {
  const given = [jobtype, jid, match].filter((option) => option !== undefined).length;
  if (all === true) {
    if (given > 0) throw usage('--all goes alone: it acts on the whole set');
    return {};
  }
  if (given === 0) throw usage('say which jobs: --jobtype, --jid or --match, or --all for the whole set');
  if (jid !== undefined) {
    if (given > 1) throw usage('--jid goes alone: with it, Faktory looks at nothing else');
    return { jids: [...new Set(jid.map(checkJid))] };
  }
  if (jobtype === '') throw usage('--jobtype is empty, which to Faktory means every job: it takes a jobtype');
  if (jobtype !== undefined && /\p{Cc}/u.test(jobtype))
    throw usage(`--jobtype is ${JSON.stringify(jobtype)}: name it by its other characters, with --match`);
  if (match === undefined) return filterOfJobtype(jobtype!);
  checkGlob(match);
  if (jobtype === undefined) return { regexp: match };
  if (isQuotedAsStored(jobtype)) return { regexp: match, jobtype };
  throw usage(
    `--jobtype is "${jobtype}", which Faktory cannot compare beside --match: have the glob match it too`,
  );
}

/** The JSON of each MUTATE, in the order in which they are sent. */
export function mutationsOf(set: SetName, cmd: SetCommand, filter: JobFilter): string[] {
  const { jids } = filter;
  // Without a filter, and not with an empty one: then a discard clears the set at once instead of going through it.
  if (Object.keys(filter).length === 0) return [JSON.stringify({ cmd, target: set })];
  if (jids === undefined) return [JSON.stringify({ cmd, target: set, filter })];
  const mutations: string[] = [];
  for (let at = 0; at < jids.length; at += JIDS_AT_ONCE) {
    const some = jids.slice(at, at + JIDS_AT_ONCE);
    mutations.push(JSON.stringify({ cmd, target: set, filter: { jids: some } }));
  }
  return mutations;
}

/** Text that a Redis glob matches literally. */
export function escapeGlob(text: string): string {
  return text.replace(/[\\*?[]/g, '\\$&');
}

/** A string as it stands in a stored job: Go's JSON. */
export function storedString(text: string): string {
  return JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function filterOfJobtype(jobtype: string): JobFilter {
  // A glob, as Faktory makes one of it: `*` would be any jobtype, and `"` or `\` would match nothing.
  if (isQuotedAsStored(jobtype) && !/[\\*?["]/.test(jobtype)) return { jobtype };
  return { regexp: `*${escapeGlob(`"jobtype":${storedString(jobtype)}`)}*` };
}

/** Whether Go's %q gives what its JSON gives: it escapes what cannot be printed, and not `<>&`. */
function isQuotedAsStored(text: string): boolean {
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u.test(text) && !/[<>&]/.test(text);
}

function checkJid(jid: string): string {
  if (jid === '') throw usage('--jid is empty');
  if (isQuotedAsStored(jid)) return jid;
  throw usage(`--jid is ${JSON.stringify(jid)}, which Faktory never finds: use --match`);
}

/** A stored job begins with { and ends with }: a glob that cannot was meant otherwise, and would match nothing. */
function checkGlob(glob: string): void {
  if (/^\**$/.test(glob)) throw usage(`--match is "${glob}", which is every job: leave it out, or say --all`);
  if (/^[*?{[\\]/.test(glob) && /[*?}\]]$/.test(glob)) return;
  throw usage(`--match is '${glob}', which must match a job from its { to its }: did you mean '*${glob}*'?`);
}

function usage(text: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', text);
}
