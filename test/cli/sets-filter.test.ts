import { describe, expect, it } from 'vitest';
import { type FilterOptions, filterOf } from '../../src/cli/sets-filter.ts';
import type { JobFilter } from '../../src/protocol/set-filter.ts';

describe('the filter', () => {
  it.each([
    [{ jobtype: 'add' }, { jobtype: 'add' }],
    [{ jobtype: 'Mail::Send two/é-1.x' }, { jobtype: 'Mail::Send two/é-1.x' }],
    [{ jid: ['a-jid-01', 'a-jid-02', 'a-jid-01'] }, { jids: ['a-jid-01', 'a-jid-02'] }],
    [{ match: '*"tenant":7*' }, { regexp: '*"tenant":7*' }],
    [{ match: '\\{"retry":*}' }, { regexp: '\\{"retry":*}' }],
    [
      { match: '*x*', jobtype: 'a*[b]"\\' },
      { regexp: '*x*', jobtype: 'a*[b]"\\' },
    ],
    [{ all: true }, {}],
    // What Faktory would take for a glob, or quote otherwise than it stored it.
    [{ jobtype: 'a*' }, { regexp: '*"jobtype":"a\\*"*' }],
    [{ jobtype: 'a[b]?' }, { regexp: '*"jobtype":"a\\[b]\\?"*' }],
    [{ jobtype: 'a"\\' }, { regexp: '*"jobtype":"a\\\\"\\\\\\\\"*' }],
    [{ jobtype: 'a<b>&' }, { regexp: '*"jobtype":"a\\\\u003cb\\\\u003e\\\\u0026"*' }],
    [{ jobtype: 'a\u00a0b' }, { regexp: '*"jobtype":"a\u00a0b"*' }],
  ] as [FilterOptions, JobFilter][])('of %j is %j', (options, filter) => {
    expect(filterOf(options)).toEqual(filter);
  });

  it.each([
    [{}, 'say which jobs: --jobtype, --jid or --match, or --all for the whole set'],
    [{ all: true, jobtype: 'add' }, '--all goes alone: it acts on the whole set'],
    [{ all: true, jid: ['a-jid-01'] }, '--all goes alone: it acts on the whole set'],
    [{ jid: ['a-jid-01'], match: '*x*' }, '--jid goes alone: with it, Faktory looks at nothing else'],
    [{ jid: ['a-jid-01'], jobtype: 'add' }, '--jid goes alone: with it, Faktory looks at nothing else'],
    [{ jid: ['a-jid-01', ''] }, '--jid is empty'],
    [{ jid: ['a<b'] }, '--jid is "a<b", which Faktory never finds: use --match'],
    [{ jid: ['a\tb'] }, '--jid is "a\\tb", which Faktory never finds: use --match'],
    [{ jobtype: '' }, '--jobtype is empty, which to Faktory means every job: it takes a jobtype'],
    [{ jobtype: 'a\nb' }, '--jobtype is "a\\nb": name it by its other characters, with --match'],
    [
      { jobtype: 'a<b', match: '*x*' },
      '--jobtype is "a<b", which Faktory cannot compare beside --match: have the glob match it too',
    ],
    [{ match: '' }, '--match is "", which is every job: leave it out, or say --all'],
    [{ match: '**' }, '--match is "**", which is every job: leave it out, or say --all'],
    [{ match: '*', jobtype: 'add' }, '--match is "*", which is every job: leave it out, or say --all'],
    [
      { match: 'tenant' },
      "--match is 'tenant', which must match a job from its { to its }: did you mean '*tenant*'?",
    ],
  ] as [FilterOptions, string][])('of %j is refused', (options, message) => {
    expect(() => filterOf(options)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message }));
  });
});
