/** The options of `millrace dead|retries|scheduled …` that say which jobs are meant. */
import { MillraceError } from '../errors.ts';
import { type FilterWords, filterOf as filterOfAny, type JobFilter } from '../protocol/set-filter.ts';

/** As given on the command line. */
export interface FilterOptions {
  jobtype?: string;
  jid?: readonly string[];
  match?: string;
  all?: true;
}

const WORDS: FilterWords = {
  jobtype: '--jobtype',
  jids: '--jid',
  match: '--match',
  all: '--all',
  refuse: (text) => new MillraceError('CONFIG_INVALID', text),
};

/** Throws CONFIG_INVALID. Only an explicit `--all` makes an empty filter. */
export function filterOf({ jid, ...options }: FilterOptions): JobFilter {
  return filterOfAny({ ...options, jids: jid }, WORDS);
}
