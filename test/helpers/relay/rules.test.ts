import { describe, expect, it } from 'vitest';
import { LineSplitter, ReplySplitter } from './frames.ts';
import { Rules } from './rules.ts';

const REPLIES = ['+HI {"v":2}\r\n', '$-1\r\n', '$0\r\n\r\n', '$5\r\na\r\nb\n\r\n', '-ERR no\r\n', ':12\r\n'];

describe('ReplySplitter', () => {
  it('finds the replies wherever the stream is cut', () => {
    const bytes = Buffer.from(REPLIES.join(''));
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        const splitter = new ReplySplitter();
        const parts = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
        expect(parts.flatMap((part) => splitter.split(part)).map(String)).toEqual(REPLIES);
        expect(splitter.rest().length).toBe(0);
      }
    }
  });
});

describe('LineSplitter', () => {
  it('keeps what is not a whole line yet', () => {
    const splitter = new LineSplitter();
    expect(splitter.split(Buffer.from('ACK 1\r\nFA')).map(String)).toEqual(['ACK 1\r\n']);
    expect(splitter.rest().toString()).toBe('FA');
    expect(splitter.split(Buffer.from('IL\n\r\n')).map(String)).toEqual(['FAIL\n', '\r\n']);
  });
});

describe('Rules', () => {
  const acts = (rules: Rules, messages: string[]) =>
    messages.map((message) => rules.judge('up', Buffer.from(message))?.act);

  it('act once, at the nth message that matches, on their own side', () => {
    const rules = new Rules();
    const rule = rules.place({ side: 'up', match: /^ACK/, nth: 2, act: 'rst' });
    rules.place({ side: 'down', act: 'fin' });
    expect(acts(rules, ['ACK', 'FAIL', 'ACK', 'ACK'])).toEqual([undefined, undefined, 'rst', undefined]);
    expect(rule.count).toBe(1);
  });

  it('count what another rule acts on, and stop when removed', () => {
    const rules = new Rules();
    const swallow = rules.place({ side: 'up', act: 'swallow', andLater: true });
    const second = rules.place({ side: 'up', nth: 2, act: 'rst' });
    expect(acts(rules, ['a'])).toEqual(['swallow']);
    swallow.remove();
    expect(acts(rules, ['b', 'c'])).toEqual(['rst', undefined]);
    expect([swallow.count, second.count]).toEqual([1, 1]);
  });

  it('deliver the message they act on unless told otherwise', () => {
    const delivers = (rule: { act: 'rst' | 'swallow'; deliver?: boolean }) => {
      const rules = new Rules();
      rules.place({ side: 'up', ...rule });
      return rules.judge('up', Buffer.from('x'))?.deliver;
    };
    expect(delivers({ act: 'rst' })).toBe(true);
    expect(delivers({ act: 'rst', deliver: false })).toBe(false);
    expect(delivers({ act: 'swallow', deliver: true })).toBe(false);
  });
});
