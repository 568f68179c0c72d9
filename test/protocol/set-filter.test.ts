import { describe, expect, it } from 'vitest';
import { matchesGlob } from '../../src/embedded/commands/glob.ts';
import { rawCommand } from '../../src/protocol/commands.ts';
import {
  escapeGlob,
  type FilterWords,
  filterOf,
  type JobFilter,
  mutationFault,
  mutationsOf,
  storedString,
} from '../../src/protocol/set-filter.ts';
import { type Seeded, seeded } from './seeded.ts';

const WORDS: FilterWords = {
  jobtype: 'jobtype',
  jids: 'jids',
  match: 'match',
  all: '"all": true',
  refuse: (text) => new RangeError(text),
};

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

describe('a filter that is refused', () => {
  it('is told in the words of whoever asked, by an error of theirs', () => {
    expect(() => filterOf({}, WORDS)).toThrow(
      new RangeError('say which jobs: jobtype, jids or match, or "all": true for the whole set'),
    );
    expect(() => filterOf({ jids: ['a<b'] }, WORDS)).toThrow(RangeError);
  });
});

describe('what Faktory says when it stops', () => {
  it.each([
    ['Faktory refused MUTATE: context deadline exceeded', 'late'],
    ['Faktory refused MUTATE: read tcp: i/o timeout', 'late'],
    ['Faktory refused MUTATE: shutdown in progress', 'shutdown'],
    ['cannot get "a b" queue: queue names must match \\A[a-zA-Z0-9._-]+\\z', 'queue'],
    ['WRONGTYPE Operation against a key', undefined],
  ])('%s is %s', (text, fault) => {
    expect(mutationFault(text)).toBe(fault);
  });
});

describe('a jobtype', () => {
  it('is matched exactly, whatever it holds', () => {
    const random = seeded();
    for (let round = 0; round < 2_000; round += 1) {
      const [jobtype, other] = [nasty(random), nasty(random)];
      if (jobtype === '' || other === jobtype) continue;
      const glob = globOfFaktory(filterOf({ jobtype }, WORDS));
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
