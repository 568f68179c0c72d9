/**
 * From which jobs are meant (on the command line, or in a request) to what MUTATE takes. Everything here was tried on
 * the real Faktory, which compares in two ways: a jobtype alone becomes a part of a Redis glob, and jids, or a jobtype
 * beside a glob, are looked for as Go would quote them. Neither is how the job was stored (Go's JSON), so a name that
 * the three write differently must go another way, or be refused: it would match too much, or nothing, without a word.
 */

export const SET_NAMES = ['dead', 'retries', 'scheduled'] as const;
export type SetName = (typeof SET_NAMES)[number];
export type SetCommand = 'requeue' | 'discard' | 'kill';

/** Which jobs of a set are meant. */
export interface FilterOptions {
  readonly jobtype?: string | undefined;
  readonly jids?: readonly string[] | undefined;
  readonly match?: string | undefined;
  readonly all?: true | undefined;
}

/** What the options are called where they were given (`--jobtype`, or `jobtype`), and how a wrong one is refused. */
export interface FilterWords {
  readonly jobtype: string;
  readonly jids: string;
  readonly match: string;
  readonly all: string;
  refuse(text: string): Error;
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

/** Throws what `words.refuse` makes. Only an explicit `all` makes an empty filter. */
export function filterOf({ jobtype, jids, match, all }: FilterOptions, words: FilterWords): JobFilter {
  const given = [jobtype, jids, match].filter((option) => option !== undefined).length;
  if (all === true) {
    if (given > 0) throw words.refuse(`${words.all} goes alone: it acts on the whole set`);
    return {};
  }
  if (jids !== undefined) {
    if (given > 1) throw words.refuse(`${words.jids} goes alone: with it, Faktory looks at nothing else`);
    return { jids: [...new Set(jids.map((jid) => checkJid(jid, words)))] };
  }
  if (jobtype !== undefined) checkJobtype(jobtype, words);
  if (match !== undefined) return { regexp: checkGlob(match, words), ...besideGlob(jobtype, words) };
  if (jobtype !== undefined) return filterOfJobtype(jobtype);
  throw words.refuse(
    `say which jobs: ${words.jobtype}, ${words.jids} or ${words.match}, or ${words.all} for the whole set`,
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

function checkJobtype(jobtype: string, words: FilterWords): void {
  if (jobtype === '')
    throw words.refuse(`${words.jobtype} is empty, which to Faktory means every job: it takes a jobtype`);
  if (!/\p{Cc}/u.test(jobtype)) return;
  const shown = JSON.stringify(jobtype);
  throw words.refuse(`${words.jobtype} is ${shown}: name it by its other characters, with ${words.match}`);
}

function besideGlob(jobtype: string | undefined, words: FilterWords): JobFilter {
  if (jobtype === undefined) return {};
  if (isQuotedAsStored(jobtype)) return { jobtype };
  throw words.refuse(
    `${words.jobtype} is "${jobtype}", which Faktory cannot compare beside ${words.match}: have the glob match it too`,
  );
}

function checkJid(jid: string, words: FilterWords): string {
  if (jid === '') throw words.refuse(`${words.jids} is empty`);
  if (isQuotedAsStored(jid)) return jid;
  throw words.refuse(
    `${words.jids} is ${JSON.stringify(jid)}, which Faktory never finds: use ${words.match}`,
  );
}

/** A stored job begins with { and ends with }: a glob that cannot was meant otherwise, and would match nothing. */
function checkGlob(glob: string, words: FilterWords): string {
  if (/^\**$/.test(glob))
    throw words.refuse(`${words.match} is "${glob}", which is every job: leave it out, or say ${words.all}`);
  if (/^[*?{[\\]/.test(glob) && /[*?}\]]$/.test(glob)) return glob;
  throw words.refuse(
    `${words.match} is '${glob}', which must match a job from its { to its }: did you mean '*${glob}*'?`,
  );
}

/**
 * Why a MUTATE was not answered with OK, by Faktory's text (its errors have no codes): its five seconds were over, it
 * was being ended, or a job that should be requeued has a queue that cannot be.
 */
export function mutationFault(text: string): 'late' | 'shutdown' | 'queue' | undefined {
  if (/context deadline exceeded|i\/o timeout/.test(text)) return 'late';
  if (/shutdown in progress/.test(text)) return 'shutdown';
  return /queue names must match/.test(text) ? 'queue' : undefined;
}
