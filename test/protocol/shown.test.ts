import { describe, expect, it } from 'vitest';
import { shown } from '../../src/protocol/shown.ts';

describe('shown', () => {
  it.each([
    ['ERR unknown command FOO', 'ERR unknown command FOO'],
    ['HI {"v":2,"i":4000,"s":"55104dc76695721d"}', 'HI {"v":2,"i":4000,"s":"…"}'],
    ['HI {"v":2,"i":4000,"s":"5510', 'HI {"v":2,"i":4000,"s":"…'],
    ['HELLO {"pwdhash": "6d877f8e2ec30"}', 'HELLO {"pwdhash": "…"}'],
    ['got 6d877f8e2ec306d877f8e2ec30 of you', 'got … of you'],
    ['no route to tcp://:hunter2@faktory', 'no route to tcp://:…@faktory'],
    ['two\r\nlines\u001b[2J', 'two lines [2J'],
    ['x'.repeat(100), 'x'.repeat(80)],
  ])('%j', (text, as) => {
    expect(shown(text)).toBe(as);
  });

  it('masks before it cuts', () => {
    const secret = `${'x '.repeat(35)}"pwdhash":"6d877f8e2ec30`;
    for (let most = 70; most < 120; most += 1) expect(shown(secret, most)).not.toContain('6d8');
  });
});
