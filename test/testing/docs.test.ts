/** Every snippet of docs/testing.md stands in one of the examples, which are run. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const unindented = (text: string): string => text.replace(/^ +/gm, '');

const FOLDER = 'examples/testing/';
const examples = readdirSync(new URL(`../../${FOLDER}`, import.meta.url))
  .filter((file) => /\.m?[jt]s$/.test(file))
  .map((file) => unindented(read(FOLDER + file)));
const snippets = [...read('docs/testing.md').matchAll(/^```\w*\n(.*?)^```$/gms)].map((match) => match[1]!);

it('has snippets', () => expect(snippets.length).toBeGreaterThan(5));

it.each(snippets)('%s', (snippet) => {
  expect(examples.some((example) => example.includes(unindented(snippet)))).toBe(true);
});
