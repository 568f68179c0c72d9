import { describe, expect, it } from 'vitest';
import {
  ackCommand,
  beatCommand,
  endCommand,
  failCommand,
  fetchCommand,
  helloCommand,
  infoCommand,
  pushbCommand,
  rawCommand,
} from '../../src/protocol/commands.ts';

describe('the commands on the wire', () => {
  it.each([
    ['HELLO', helloCommand({ v: 2, hostname: 'h' }), 'HELLO {"v":2,"hostname":"h"}\r\n'],
    ['FETCH of one queue', fetchCommand(['default']), 'FETCH default\r\n'],
    ['FETCH in the order given', fetchCommand(['wake.7', 'b', 'a']), 'FETCH wake.7 b a\r\n'],
    ['ACK', ackCommand('jid-0001'), 'ACK {"jid":"jid-0001"}\r\n'],
    ['PUSHB of none', pushbCommand([]), 'PUSHB []\r\n'],
    ['PUSHB of two', pushbCommand(['{"a":1}', '{"b":2}']), 'PUSHB [{"a":1},{"b":2}]\r\n'],
    ['BEAT', beatCommand({ wid: 'w', rss_kb: 7 }), 'BEAT {"wid":"w","rss_kb":7}\r\n'],
    [
      'BEAT of a state',
      beatCommand({ wid: 'w', rss_kb: 7, current_state: 'quiet' }),
      'BEAT {"wid":"w","rss_kb":7,"current_state":"quiet"}\r\n',
    ],
    ['INFO', infoCommand(), 'INFO\r\n'],
    ['END', endCommand(), 'END\r\n'],
  ])('%s', (_name, command, wire) => {
    expect(command).toBe(wire);
  });

  it('are one line each, whatever their values hold', () => {
    const nasty = 'a\r\nFLUSH\r\n\u2028"\\\u0000';
    const failure = { jid: nasty, errtype: nasty, message: nasty, backtrace: [nasty] };
    for (const command of [
      helloCommand({ v: 2, hostname: nasty, wid: nasty }),
      ackCommand(nasty),
      failCommand(failure),
      beatCommand({ wid: nasty, rss_kb: 1 }),
    ]) {
      expect(command).toMatch(/^[^\r\n]+\r\n$/);
      const json = JSON.parse(command.slice(command.indexOf(' ')));
      expect(JSON.stringify(json)).toContain(JSON.stringify(nasty));
    }
  });
});

describe('rawCommand', () => {
  it('joins its pieces', () => {
    expect(rawCommand(['QUEUE', 'PAUSE', 'a', 'b'])).toBe('QUEUE PAUSE a b\r\n');
    expect(rawCommand(['INFO'])).toBe('INFO\r\n');
  });

  it('takes a whole line as one piece', () => {
    expect(rawCommand(['QUEUE LATENCY default'])).toBe('QUEUE LATENCY default\r\n');
  });

  it('escapes the spaces of MUTATE, which Faktory splits at spaces, and of nothing else', () => {
    const filter = JSON.stringify({ cmd: 'kill', filter: { jobtype: 'send a mail' } });
    const command = rawCommand(['MUTATE', filter]);
    expect(command.split(' ')).toHaveLength(2);
    expect(JSON.parse(command.slice('MUTATE '.length))).toEqual(JSON.parse(filter));
    expect(rawCommand(['PUSHB', '["a b"]'])).toBe('PUSHB ["a b"]\r\n');
  });

  it('escapes them also where the JSON was written for people', () => {
    const operation = { cmd: 'kill', target: 'dead', filter: { jobtype: 'send a mail' } };
    const command = rawCommand(['MUTATE', JSON.stringify(operation, null, 2).replaceAll('\n', ' ')]);
    expect(command.split(' ')).toHaveLength(2);
    expect(JSON.parse(command.slice('MUTATE '.length))).toEqual(operation);
  });

  it('leaves the complaint about broken JSON to Faktory', () => {
    expect(rawCommand(['MUTATE', '{"cmd": '])).toBe('MUTATE {"cmd":\r\n');
  });

  it.each([
    ['CRLF', 'default\r\nFLUSH'],
    ['LF', 'default\nFLUSH'],
    ['CR', 'default\rFLUSH'],
  ])('refuses a value with %s: it would be a second command', (_name, value) => {
    expect(() => rawCommand(['FETCH', value])).toThrow(/line ends/);
    expect(() => rawCommand([value])).toThrow(/line ends/);
  });
});
