import { describe, expect, it } from 'vitest';
import {
  checkJobtype,
  checkQueueName,
  encodeJob,
  exceedsDepth,
  JID,
  type JobInput,
  newJid,
  RESERVED_QUEUES,
} from '../../src/protocol/job.ts';

const DEFAULTS = { retry: 25, reserveFor: 1_800 };
const encode = (job: object) => encodeJob({ jobtype: 'add', ...job } as JobInput, DEFAULTS);
const decode = (job: object) => JSON.parse(encode(job).json);
const invalid = (field: string) =>
  expect.objectContaining({ code: 'JOB_INVALID', message: expect.stringContaining(field) });

describe('encodeJob', () => {
  it('fills in what a job leaves out, retry and reserve_for always', () => {
    const { jid, queue, json } = encode({});
    expect(queue).toBe('default');
    expect(JSON.parse(json)).toEqual({
      jid,
      queue: 'default',
      jobtype: 'add',
      args: [],
      retry: 25,
      reserve_for: 1_800,
    });
    expect(jid).toMatch(JID);
  });

  it('keeps what a job says, and leaves out what Faktory does not know', () => {
    const job = {
      jid: 'jid:0001.a-b_c',
      queue: 'Mail.out-1_x',
      jobtype: 'send "a" mail, ümläut 🦆',
      args: [1, 'two', { three: [null, true] }, '\u2028\r\n"\\'],
      retry: -1,
      reserve_for: 60,
      at: '2030-01-31T09:00:00Z',
      custom: { locale: 'de' },
      backtrace: 12,
      created_at: '2029-01-01T00:00:00Z',
      failure: {
        retry_count: 1,
        remaining: 2,
        failed_at: '2029-01-01T00:00:00Z',
        message: 'it broke',
        errtype: 'Error',
        backtrace: ['at line 1'],
      },
    };
    expect(decode({ ...job, priority: 5, enqueued_at: 'x' })).toEqual(job);
  });

  it('is one line, whatever the job holds', () => {
    const { json } = encode({ jobtype: 'ä\u2029b', args: ['a\r\nFLUSH\r\n'], custom: { 'k\n': '\r' } });
    expect(json).not.toMatch(/[\r\n]/);
  });

  it('makes RFC 3339 of a Date', () => {
    expect(decode({ at: new Date(Date.UTC(2030, 0, 31, 9)) }).at).toBe('2030-01-31T09:00:00.000Z');
  });

  it.each(['2030-01-31T09:00:00Z', '2030-01-31T09:00:00.123456789+02:00', '2028-02-29T23:59:59-11:30'])(
    'takes the time %s',
    (at) => {
      expect(decode({ at }).at).toBe(at);
    },
  );

  it('takes an empty queue for the default one, as Faktory does', () => {
    expect(decode({ queue: '' }).queue).toBe('default');
  });

  it('drops a custom of null, as Faktory does', () => {
    expect(decode({ custom: null })).not.toHaveProperty('custom');
  });

  it('writes what JSON cannot hold inside args as JSON.stringify does', () => {
    expect(decode({ args: [undefined, Number.NaN, new Date(0)] }).args).toEqual([
      null,
      null,
      '1970-01-01T00:00:00.000Z',
    ]);
  });

  const circular: unknown[] = [];
  circular.push(circular);
  const deep = (depth: number): unknown => (depth === 1 ? [] : [deep(depth - 1)]);
  const throwing = {
    toJSON() {
      throw undefined;
    },
  };

  it.each<[field: string, job: object]>([
    ['jid', { jid: '' }],
    ['jid', { jid: 'short12' }],
    ['jid', { jid: 12345678 }],
    ['jid', { jid: 'with a space' }],
    ['jid', { jid: 'with"quote' }],
    ['jid', { jid: 'with\nline-end' }],
    ['jid', { jid: 'x'.repeat(129) }],
    ['queue', { queue: 'a b' }],
    ['queue', { queue: 'a\n' }],
    ['queue', { queue: 'ä' }],
    ['queue', { queue: '*' }],
    ['queue', { queue: 5 }],
    ['queue', { queue: 'x'.repeat(129) }],
    ['jobtype', { jobtype: undefined }],
    ['jobtype', { jobtype: '' }],
    ['jobtype', { jobtype: 5 }],
    ['jobtype', { jobtype: 'a\u0000b' }],
    ['jobtype', { jobtype: 'x'.repeat(257) }],
    ['args', { args: {} }],
    ['args', { args: 'abc' }],
    ['args', { args: [1n] }],
    ['args', { args: circular }],
    ['args', { args: deep(101) }],
    ['args', { args: [throwing] }],
    ['args', { args: Object.assign([1], { toJSON: () => ({}) }) }],
    ['args', { args: Object.assign([1], { toJSON: () => undefined }) }],
    ['retry', { retry: 1.5 }],
    ['retry', { retry: '3' }],
    ['retry', { retry: -2 }],
    ['retry', { retry: Number.NaN }],
    ['retry', { retry: Number.POSITIVE_INFINITY }],
    ['reserve_for', { reserve_for: '60' }],
    ['reserve_for', { reserve_for: 60.5 }],
    ['reserve_for', { reserve_for: -1 }],
    ['reserve_for', { reserve_for: 86_401 }],
    ['at', { at: '' }],
    ['at', { at: 'tomorrow' }],
    ['at', { at: 1_893_456_000_000 }],
    ['at', { at: '2030-01-31' }],
    ['at', { at: '2030-01-31T09:00:00' }],
    ['at', { at: '2030-01-31t09:00:00z' }],
    ['at', { at: '2030-01-31T09:00:00+0200' }],
    ['at', { at: '2030-13-01T09:00:00Z' }],
    ['at', { at: '2030-02-30T09:00:00Z' }],
    ['at', { at: '2029-02-29T09:00:00Z' }],
    ['at', { at: '2030-04-31T09:00:00+05:00' }],
    ['at', { at: '2030-01-31T24:00:00Z' }],
    ['at', { at: '2030-01-31T09:00:60Z' }],
    ['at', { at: new Date(Number.NaN) }],
    ['at', { at: new Date(Date.UTC(20_000, 0)) }],
    ['custom', { custom: [] }],
    ['custom', { custom: 'x' }],
    ['custom', { custom: new Date(0) }],
    ['custom', { custom: { toJSON: () => [1] } }],
    ['custom', { custom: () => {} }],
    ['custom', { custom: deep(101) }],
    ['backtrace', { backtrace: '12' }],
    ['backtrace', { backtrace: 1.5 }],
    ['failure', { failure: 'it broke' }],
    ['failure', { failure: [] }],
    ['failure', { failure: { retry_count: '1' } }],
    ['failure', { failure: { retry_count: 1, remaining: 1.5 } }],
    ['failure', { failure: { retry_count: 1, message: 5 } }],
    ['failure', { failure: { retry_count: 1, backtrace: 'at line 1' } }],
    ['failure', { failure: { retry_count: 1, backtrace: [1] } }],
  ])('refuses a %s that Faktory would refuse, maybe with the whole PUSHB it is in (%#)', (field, job) => {
    expect(() => encode(job)).toThrow(invalid(field));
  });

  it('names the value in short, and what is taken', () => {
    expect(() => encode({ retry: 'x'.repeat(1_000) })).toThrow(/^retry is "x{1,90}, it takes a whole number/);
    expect(() => encode({ queue: 10n })).toThrow(invalid('queue'));
  });

  it('checks the defaults as it checks the job', () => {
    expect(() => encodeJob({ jobtype: 'add' }, { retry: 1.5, reserveFor: 1_800 })).toThrow(invalid('retry'));
    expect(() => encodeJob({ jobtype: 'add' }, { retry: 1, reserveFor: -5 })).toThrow(invalid('reserve_for'));
  });

  it('takes args nested a hundred deep', () => {
    expect(decode({ args: deep(100) }).args).toEqual(deep(100));
  });
});

describe('exceedsDepth', () => {
  it.each([
    ['[]', 1, false],
    ['[[]]', 1, true],
    ['[{}]', 1, true],
    ['[{"a":[]}]', 3, false],
    ['[{"a":[[]]}]', 3, true],
    ['[[],[],[],[],[]]', 2, false],
    ['["[[[[","{{{{"]', 1, false],
    ['["\\"[[["]', 1, false],
    ['["\\\\",[]]', 1, true],
  ])('%s over %i: %o', (json, limit, exceeds) => {
    expect(exceedsDepth(json, limit)).toBe(exceeds);
  });
});

describe('names', () => {
  it.each([...RESERVED_QUEUES])('refuses the queue %s: Faktory keeps a key of that name', (name) => {
    expect(() => checkQueueName(name)).toThrow(invalid('queue'));
  });

  it('returns what it takes', () => {
    expect(checkQueueName('critical')).toBe('critical');
    expect(checkJobtype('send a mail')).toBe('send a mail');
  });
});

describe('newJid', () => {
  it('is new each time, over the end of its pool of random bytes', () => {
    const jids = Array.from({ length: 5_000 }, newJid);
    expect(new Set(jids).size).toBe(jids.length);
    for (const jid of jids) expect(jid).toMatch(/^[\w-]{16}$/);
  });
});
