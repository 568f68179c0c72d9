import { describe, expect, it } from 'vitest';
import { outcomeText, pageOf, previewText, whyItStopped } from '../../src/cli/sets-text.ts';
import { MillraceError } from '../../src/errors.ts';
import { mutationsOf, type SetCommand, type SetName } from '../../src/protocol/set-filter.ts';

const where = 'tcp://faktory.example:7419';
const sizes = { dead: 1_234, retries: 1, scheduled: 20_001 };
const mutation = (set: SetName, cmd: SetCommand, filter: object) => ({
  set,
  cmd,
  payloads: mutationsOf(set, cmd, filter),
  where,
});

describe('what is shown before', () => {
  it('is the command on the wire, the size, and where to look', () => {
    expect(previewText(mutation('dead', 'requeue', { jobtype: 'two words' }), sizes)).toBe(
      `MUTATE {"cmd":"requeue","target":"dead","filter":{"jobtype":"two\\u0020words"}}
Dead holds 1,234 jobs now. The protocol can neither list nor count those that match:
look at http://faktory.example:7420/morgue, if Faktory's page is on the usual port.
`,
    );
  });

  it('says when all are meant', () => {
    expect(previewText(mutation('retries', 'discard', {}), sizes)).toContain('1 job now. All are meant. ');
  });

  it('warns of a large set, unless it is cleared as a whole', () => {
    const warning = /may take Faktory longer than the 5 s/;
    expect(previewText(mutation('scheduled', 'kill', { jids: ['a-jid-01'] }), sizes)).toMatch(warning);
    expect(previewText(mutation('scheduled', 'requeue', {}), sizes)).toMatch(warning);
    expect(previewText(mutation('scheduled', 'discard', {}), sizes)).not.toMatch(warning);
    expect(previewText(mutation('dead', 'discard', { jobtype: 'add' }), sizes)).not.toMatch(warning);
  });

  it('is the first few commands of many', () => {
    const jids = Array.from({ length: 95 }, (_, i) => `a-jid-${i}`);
    const lines = previewText(mutation('dead', 'discard', { jids }), sizes).split('\n');
    expect(lines.filter((line) => line.startsWith('MUTATE '))).toHaveLength(5);
    expect(lines).toContain('… and 5 more for the other jids');
  });

  it('has the address of each set on the page of Faktory', () => {
    expect(pageOf('tcp://127.0.0.1:17419', 'retries')).toBe('http://127.0.0.1:7420/retries');
    expect(pageOf('tcp+tls://[::1]:7419', 'scheduled')).toBe('http://[::1]:7420/scheduled');
  });
});

describe('what is shown after', () => {
  it('is the sizes, those of Dead too after a kill', () => {
    const after = { dead: 1_235, retries: 0, scheduled: 20_001 };
    expect(outcomeText(mutation('retries', 'kill', {}), sizes, after)).toBe(
      'Retries: 1 job before, 0 after; Dead: 1,234 jobs before, 1,235 after',
    );
    expect(outcomeText(mutation('retries', 'discard', {}), sizes, after)).toBe(
      'Retries: 1 job before, 0 after',
    );
    expect(outcomeText(mutation('dead', 'requeue', {}), sizes, after)).toMatch(
      /^Dead: 1,234 jobs before, 1,235 after; what became of them in their queues is not known/,
    );
  });

  it('says when they are not known', () => {
    expect(outcomeText(mutation('dead', 'discard', {}), sizes, undefined)).toBe(
      'Dead: 1,234 jobs before, not known after',
    );
  });
});

describe('why it stopped', () => {
  const refused = (reply: string) =>
    new MillraceError('COMMAND_REFUSED', `Faktory refused MUTATE: ERR ${reply}`);

  it.each([
    ['context deadline exceeded', /exceeded: its time was up; it may have done part of it, the sizes say/],
    ['shutdown in progress', /progress: it was not done; send it again when Faktory is back/],
    [
      'queue names must match \\A[a-z]+\\z',
      /a job has a queue that cannot be; part may be done\. Discard such/,
    ],
    ['something else', /else: it may have done part of it, the sizes say; Faktory's log/],
  ])('ERR %s', (reply, told) => {
    expect(whyItStopped(refused(reply)).message).toMatch(told);
  });

  it('tells of how many jids the commands before were', () => {
    expect(whyItStopped(refused('context deadline exceeded'), 1_030).message).toMatch(
      /^Faktory refused MUTATE: ERR context deadline exceeded, after the first 1,030 jids: its time/,
    );
  });

  it('a lost connection leaves it open; no connection at all is told as it is', () => {
    const lost = new MillraceError('CONNECTION_LOST', 'tcp://x:1: the connection ended');
    expect(whyItStopped(lost).message).toMatch(/ended: all, part or nothing of it may be done/);
    const away = new MillraceError('FAKTORY_UNREACHABLE', 'away');
    expect(whyItStopped(away)).toBe(away);
    expect(whyItStopped(away, 20)).toMatchObject({
      code: 'FAKTORY_UNREACHABLE',
      message: 'away, after the first 20 jids: the others were not sent',
    });
  });
});
