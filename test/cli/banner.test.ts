import { expect, it } from 'vitest';
import { type BannerFacts, banner } from '../../src/cli/banner.ts';

const FACTS: BannerFacts = {
  faktory: 'tcp://127.0.0.1:7419',
  api: 'http://127.0.0.1:3000',
  concurrency: 500,
  jobtypes: ['add', 'pause'],
  handlersFile: 'handlers.ts',
  builtIn: true,
  token: false,
};
const CURL = 'Try      curl -s -X POST http://127.0.0.1:3000/jobs/add';

it('has a command for the built-in handlers', () => {
  expect(banner(FACTS)).toContain(String.raw`${CURL} -d "{\"a\": 1, \"b\": 2}"`);
});

it('does not know what other handlers take', () => {
  expect(banner({ ...FACTS, builtIn: false })).toContain(`${CURL}\n  End `);
});

it('says how the shell gets the token', () => {
  const text = banner({ ...FACTS, builtIn: false, token: true });
  expect(text).toContain(`${CURL} -H "Authorization: Bearer $API_TOKEN"\n`);
  expect(text).toContain('. ./.env)\n  End ');
});
