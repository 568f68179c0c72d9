import { relative } from 'node:path';

export interface BannerFacts {
  faktory: string;
  api: string;
  concurrency: number;
  jobtypes: readonly string[];
  handlersFile: string;
  /** Whether these are the built-in ones: what their first takes is known. */
  builtIn: boolean;
  /** Whether the API asks for a token. */
  token: boolean;
}

/** What runs where, and what to try: the first lines that a newcomer reads. */
export function banner(facts: BannerFacts): string {
  const { faktory, api, concurrency, jobtypes, handlersFile } = facts;
  return `
  Faktory  ${faktory}  embedded, in memory: it keeps nothing over a restart
  API      ${api}
  Worker   ${concurrency} slots, jobtypes ${jobtypes.join(', ')} (${relative('', handlersFile)})

  Try      ${tryLine(facts)}
  End      Ctrl-C
`;
}

function tryLine({ api, jobtypes, builtIn, token }: BannerFacts): string {
  const authorization = token ? ' -H "Authorization: Bearer $API_TOKEN"' : '';
  const body = builtIn ? ' -d "{\\"a\\": 1, \\"b\\": 2}"' : '';
  const before = token ? '\n           (a token that is in .env the shell gets by: . ./.env)' : '';
  return `curl -s -X POST ${api}/jobs/${jobtypes[0]}${authorization}${body}${before}`;
}
