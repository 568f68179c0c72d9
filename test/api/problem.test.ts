import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { PROBLEM_CODES, Problem } from '../../src/api/problem.ts';

it('has every code in the table of docs/http.md, once, with its status', () => {
  const guide = readFileSync(new URL('../../docs/http.md', import.meta.url), 'utf8');
  const rows = guide.matchAll(/^\| (\d{3}) \| ((?:`[A-Z_]+`(?:, )?)+) \| .+ \|$/gm);
  const told = [...rows].flatMap(([, status, codes]) =>
    [...codes!.matchAll(/[A-Z_]+/g)].map(([code]) => `${status} ${code}`),
  );
  const codes = [...new Set(PROBLEM_CODES)].map((code) => `${new Problem(code).status} ${code}`);
  expect(told.toSorted()).toEqual(codes.toSorted());
});
