import { relative } from 'node:path';

export interface BannerFacts {
  faktory: string;
  api: string;
  concurrency: number;
  jobtypes: readonly string[];
  handlersFile: string;
  /** Whether the API asks for a token. */
  token: boolean;
}

/** What runs where, and what to try: the first lines that a newcomer reads. */
export function banner({ faktory, api, concurrency, jobtypes, handlersFile, token }: BannerFacts): string {
  const authorization = token ? ' -H "Authorization: Bearer $API_TOKEN"' : '';
  return `
  Faktory  ${faktory}  embedded, in memory: it keeps nothing over a restart
  API      ${api}
  Worker   ${concurrency} slots, jobtypes ${jobtypes.join(', ')} (${relative('', handlersFile)})

  Try      curl -s -X POST ${api}/jobs/${jobtypes[0]}${authorization} -d "{\\"a\\": 1, \\"b\\": 2}"
  End      Ctrl-C
`;
}
