import { describe, expect, it } from 'vitest';
import {
  escapeGlob,
  type FilterOptions,
  filterOf,
  type JobFilter,
  mutationsOf,
  storedString,
} from '../../src/cli/sets-filter.ts';
import { matchesGlob } from '../../src/embedded/commands/glob.ts';
import { rawCommand } from '../../src/protocol/commands.ts';
import { type Seeded, seeded } from '../protocol/seeded.ts';

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

describe('the commands', () => {
  const wire = (payload: string) => rawCommand(['MUTATE', payload]).trimEnd();

  it('hold no space', () => {
    const filter = { regexp: '*"a b": \\ c*', jobtype: 'two words' };
    expect(mutationsOf('dead', 'requeue', filter).map(wire)).toEqual([
      'MUTATE {"cmd":"requeue","target":"dead","filter":{"regexp":"*\\"a\\u0020b\\":\\u0020\\\\\\u0020c*","jobtype":"two\\u0020words"}}',
    ]);
  });

  it('have no filter where all are meant, so that a discard clears the set', () => {
    expect(mutationsOf('retries', 'discard', {})).toEqual(['{"cmd":"discard","target":"retries"}']);
  });

  it('name at most ten jids each, all of them once and in order', () => {
    const jids = Array.from({ length: 23 }, (_, i) => `a-jid-${i}`);
    const sent = mutationsOf('scheduled', 'kill', { jids }).map((payload) => JSON.parse(payload).filter.jids);
    expect(sent.map((some) => some.length)).toEqual([10, 10, 3]);
    expect(sent.flat()).toEqual(jids);
  });

  it('parse back to the same filter, whatever it holds', () => {
    const random = seeded();
    for (let round = 0; round < 2_000; round += 1) {
      const text = (): string => nasty(random);
      const filter: JobFilter = random.pick([
        { jobtype: text() },
        { regexp: text() },
        { regexp: text(), jobtype: text() },
        { jids: Array.from({ length: random.int(1, 10) }, text) },
      ]);
      const words = mutationsOf('dead', 'discard', filter).map(wire)[0]!.split(' ');
      expect(words, `seed ${random.seed}`).toHaveLength(2);
      const parsed = JSON.parse(words[1]!);
      expect(parsed, `seed ${random.seed}`).toEqual({ cmd: 'discard', target: 'dead', filter });
    }
  });
});

describe('a jobtype', () => {
  it('is matched exactly, whatever it holds', () => {
    const random = seeded();
    for (let round = 0; round < 2_000; round += 1) {
      const [jobtype, other] = [nasty(random), nasty(random)];
      if (jobtype === '' || other === jobtype) continue;
      const glob = globOfFaktory(filterOf({ jobtype }));
      const about = `seed ${random.seed}: ${JSON.stringify([jobtype, other, glob])}`;
      expect(matchesGlob(glob, stored(jobtype)), about).toBe(true);
      expect(matchesGlob(glob, stored(other)), about).toBe(false);
    }
  });
});

describe('escapeGlob', () => {
  it('makes a glob of any text that matches that text alone', () => {
    const random = seeded();
    for (let round = 0; round < 2_000; round += 1) {
      const [text, other] = [nasty(random), nasty(random)];
      const about = `seed ${random.seed}: ${JSON.stringify([text, other])}`;
      expect(matchesGlob(escapeGlob(text), text), about).toBe(true);
      expect(matchesGlob(escapeGlob(text), other), about).toBe(text === other);
    }
  });
});

/** A short text of what is special to globs, to JSON, to Go and to the protocol; without control characters. */
function nasty(random: Seeded): string {
  const chars = [...'ab*?[]^-\\"{}<>& :,é😀\u00a0\u2028\u200b'];
  return Array.from({ length: random.int(0, 6) }, () => random.pick(chars)).join('');
}

function stored(jobtype: string): string {
  return `{"retry":25,"jid":"a-jid-01","queue":"q","jobtype":${storedString(jobtype)},"args":[]}`;
}

/** What Faktory gives to Redis (server/mutate.go): a jobtype alone becomes a part of a glob, quoted by Go's %q. */
function globOfFaktory({ regexp, jobtype }: JobFilter): string {
  return regexp ?? `*"jobtype":${JSON.stringify(jobtype)}*`;
}
