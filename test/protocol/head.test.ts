import { expect, it } from 'vitest';
import { topLevelString } from '../../src/protocol/head.ts';

const job = JSON.stringify({
  retry: 3,
  failure: { message: 'said {"jid":"not-this-one"}', jid: 'nor-this' },
  custom: { jid: 'victim-job-1', list: [{ jid: 'deeper' }], 'odd"key': '}' },
  jid: 'the-right-one',
  queue: 'default',
  jobtype: 'say "add"',
  args: [1],
});

it('finds the string at the top level, whatever stands before it', () => {
  expect(topLevelString(job, 'jid')).toBe('the-right-one');
  expect(topLevelString(job, 'jobtype')).toBe('say "add"');
  expect(topLevelString(job, 'args')).toBeUndefined();
  expect(topLevelString(job, 'nothing')).toBeUndefined();
});

it('finds it, or nothing, wherever the head is cut off', () => {
  for (let end = 0; end <= job.length; end += 1) {
    expect([undefined, 'the-right-one']).toContain(topLevelString(job.slice(0, end), 'jid'));
  }
});

it.each(['{"jid":"\\q","a":1}', '{"jid":"\\u12"}', '{"jid":"a\nb"}', '{"jid":"\\q'])(
  'finds nothing in what is no JSON: %j',
  (head) => {
    expect(topLevelString(head, 'jid')).toBeUndefined();
  },
);
