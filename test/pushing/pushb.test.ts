import { describe, expect, it } from 'vitest';
import { BULK, ERROR, NULL, OVERSIZED, type ReplyKind, SIMPLE } from '../../src/protocol/resp.ts';
import { readPushb } from '../../src/pushing/pushb.ts';

const verdictOf = (reason: string) => {
  const verdict = readPushb(BULK, JSON.stringify({ 'jid-0001': reason }));
  return verdict.kind === 'each' ? verdict.exceptions.get('jid-0001') : verdict;
};

describe('readPushb', () => {
  it('reads an empty map as all stored', () => {
    expect(readPushb(BULK, '{}')).toEqual({ kind: 'each', exceptions: new Map() });
    expect(readPushb(BULK, '{ }')).toEqual({ kind: 'each', exceptions: new Map() });
  });

  it.each([
    'jobs must have a reasonable jid parameter',
    'jobs must have a jobtype parameter',
    'jobs must have an args parameter',
    'jobs cannot be reserved for more than one day',
    'invalid timestamp for \'at\': "x": parsing time "x" as "2006-01-02T15:04:05Z07:00"',
    'cannot get "a b" queue: queue names must match \\A[a-zA-Z0-9._-]+\\z',
    'NOTUNIQUE Job has already been enqueued',
  ])('takes what Faktory documents for a refusal: %s', (reason) => {
    expect(verdictOf(reason)).toEqual({ outcome: 'refused', reason });
  });

  it.each([
    'MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist to disk.',
    "OOM command not allowed when used memory > 'maxmemory'.",
    "READONLY You can't write against a read only replica.",
    'LOADING Redis is loading the dataset in memory',
  ])('takes what Redis says before it writes for not stored: %s', (reason) => {
    expect(verdictOf(reason)).toEqual({ outcome: 'not stored', reason });
  });

  it.each([
    'context deadline exceeded',
    'redis: client is closed',
    'dial tcp: connection refused',
    'ERR jobs must have a jobtype parameter',
    'internal error',
    '',
  ])('takes any other text for unknown: %j', (reason) => {
    expect(verdictOf(reason)).toEqual({ outcome: 'unknown', reason });
  });

  it('tells each job of a map apart', () => {
    const text = JSON.stringify({ a: 'jobs must have a jobtype parameter', b: 'context deadline exceeded' });
    expect(readPushb(BULK, text)).toEqual({
      kind: 'each',
      exceptions: new Map([
        ['a', { outcome: 'refused', reason: 'jobs must have a jobtype parameter' }],
        ['b', { outcome: 'unknown', reason: 'context deadline exceeded' }],
      ]),
    });
  });

  it('knows that one of them has a wrong type, and not which', () => {
    const text = 'ERR invalid JSON: json: cannot unmarshal string into Go struct field Job.retry of type int';
    expect(readPushb(ERROR, text)).toEqual({ kind: 'one of them', reason: text });
  });

  it.each<[name: string, kind: ReplyKind, text: string]>([
    ['an error', ERROR, 'ERR context deadline exceeded'],
    ['a shutdown', ERROR, 'ERR shutdown in progress'],
    ['no reply', NULL, ''],
    ['a word', SIMPLE, 'OK'],
    ['a reply that is too large', OVERSIZED, '{"jid-0001":"con'],
    ['no JSON', BULK, 'OK'],
    ['a JSON null', BULK, 'null'],
    ['a JSON array', BULK, '[]'],
    ['a JSON text', BULK, '"OK"'],
  ])('knows nothing of any after %s', (_name, kind, text) => {
    expect(readPushb(kind, text)).toEqual({ kind: 'unknown', reason: text });
  });
});
