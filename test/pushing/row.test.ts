import { describe, expect, it } from 'vitest';
import { Row, type Waiting } from '../../src/pushing/row.ts';

const item = (jid: string, { bytes = 10, since = 0, alone = false } = {}): Waiting => ({
  job: { jid, queue: 'default', json: '{}', bytes },
  since,
  alone,
});
const jids = (items: Waiting[]): string => items.map(({ job }) => job.jid).join('');

function row(...items: Waiting[]): Row<Waiting> {
  const made = new Row<Waiting>();
  for (const one of items) made.push(one);
  return made;
}

/** All PUSHBs that it is cut into. */
function cut(of: Row<Waiting>, most: number): string {
  const batches: string[] = [];
  while (of.size > 0) batches.push(jids(of.take(most)));
  return batches.join(' ');
}

const letters = (text: string): Waiting[] => [...text].map((jid) => item(jid));

describe('Row', () => {
  it('is cut into PUSHBs of so many, in order', () => {
    expect(cut(row(...letters('abcdefg')), 3)).toBe('abc def g');
    expect(cut(row(...letters('abc')), 1)).toBe('a b c');
    expect(cut(row(), 3)).toBe('');
  });

  it('is cut at 1 MiB, and what is larger goes alone', () => {
    const third = { bytes: 349_000 };
    const row1 = row(...[...'abcd'].map((jid) => item(jid, third)));
    expect(cut(row1, 100)).toBe('abc d');
    expect(cut(row(item('a'), item('b', { bytes: 5_000_000 }), item('c')), 100)).toBe('a b c');
  });

  it('is cut before a jid comes a second time', () => {
    expect(cut(row(...letters('abacb')), 100)).toBe('ab acb');
    expect(cut(row(...letters('aaa')), 100)).toBe('a a a');
  });

  it('is cut around what travels by itself', () => {
    const alone = { alone: true };
    expect(cut(row(item('a'), item('b', alone), item('c', alone), item('d'), item('e')), 100)).toBe(
      'a b c de',
    );
  });

  it('puts what comes back in front, in the order it came, however many pieces of it there are', () => {
    const it = row(...letters('abcdef'));
    const first = it.take(2);
    const second = it.take(2);
    it.push(item('g'));
    it.giveBack(first);
    it.giveBack(second);
    it.mend();
    it.mend();
    expect(it.size).toBe(7);
    expect(cut(it, 100)).toBe('abcdefg');
  });

  it('knows since when its first waits', () => {
    const it = row(item('a', { since: 5 }), item('b', { since: 7 }));
    expect(it.since).toBe(5);
    it.shift();
    expect(it.since).toBe(7);
    it.take(1);
    expect(it.since).toBeUndefined();
  });
});
