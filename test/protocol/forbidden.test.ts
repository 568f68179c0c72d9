import { describe, expect, it } from 'vitest';
import { rawCommand } from '../../src/protocol/commands.ts';
import { whyForbidden } from '../../src/protocol/forbidden.ts';

const why = (...words: string[]): string | undefined => whyForbidden(rawCommand(words));

describe('whyForbidden', () => {
  it.each<[string[], string]>([
    [['END'], 'client.close()'],
    [['END', 'now'], 'client.close()'],
    [['HELLO', '{"v":2,"pwdhash":"s3cret"}'], 'options of the client'],
    [['HELLO {"v":2}'], 'options of the client'],
    [['PUSH', '{"jid":"s3cret"}'], 'client.push(job)'],
    [['PUSH {"retry":0}'], 'client.push(job)'],
    [['PUSH'], 'client.push(job)'],
    [['PUSHB'], 'client.pushBulk(jobs)'],
    [['PUSHB', ''], 'client.pushBulk(jobs)'],
    [['PUSHB   '], 'client.pushBulk(jobs)'],
    [['ACK'], 'client.ack(jid)'],
    [['FAIL', ' '], 'client.fail(jid, error)'],
    [['BEAT'], 'client.beat()'],
    [['QUEUE'], 'PAUSE'],
    [['QUEUE', ''], 'PAUSE'],
    [['QUEUE', 'PAUSE'], "['QUEUE', 'PAUSE', 'default']"],
    [['QUEUE', 'resume'], "['QUEUE', 'RESUME', 'default']"],
    [['QUEUE REMOVE '], "['QUEUE', 'REMOVE', 'default']"],
    [['QUEUE', 'Remove', ''], "['QUEUE', 'REMOVE', 'default']"],
  ])('refuses %j, saying in one line what to use', (words, instead) => {
    expect(why(...words)).toMatch(/^[^\r\n]+: [^\r\n]+$/);
    expect(why(...words)).toContain(instead);
    expect(why(...words)).not.toContain('s3cret');
  });

  it.each([
    [['INFO']],
    [['FLUSH']],
    [['FETCH', 'default']],
    [['PUSHB', '[]']],
    [['ACK', '{"jid":"a"}']],
    [['FAIL', '{"jid":"a"}']],
    [['BEAT', '{"wid":"a"}']],
    [['QUEUE', 'PAUSE', '*']],
    [['QUEUE RESUME a b']],
    [['QUEUE', 'LATENCY', 'default']],
    [['QUEUE', 'x']],
    [['MUTATE', '{"cmd":"clear"}']],
    // Faktory knows no such commands, and says so.
    [['push', '{}']],
    [['ENDING']],
    [['constructor']],
    [['']],
  ])('lets %j pass', (words) => {
    expect(why(...words)).toBeUndefined();
  });
});
