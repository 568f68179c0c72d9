import type { FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import { fingerprintOf, idOf } from '../../../src/api/idempotency/request.ts';

function withKey(key: string | undefined, caller?: string, rawHeaders: string[] = []): FastifyRequest {
  const headers = key === undefined ? {} : { 'idempotency-key': key };
  return { headers, raw: { rawHeaders }, caller } as unknown as FastifyRequest;
}

function asking(body: unknown, url = '/jobs/:jobtype', params: object = { jobtype: 'add' }): FastifyRequest {
  return { routeOptions: { url }, params, body, headers: {} } as unknown as FastifyRequest;
}

describe('idOf', () => {
  it('is a jid that Faktory takes, the same for the same key, and tells nothing of it', () => {
    const id = idOf(withKey('order 4711'));
    expect(id).toMatch(/^[A-Za-z0-9_-]{24}$/);
    expect(idOf(withKey('order 4711'))).toBe(id);
    expect(idOf(withKey('order 4712'))).not.toBe(id);
  });

  it('differs from caller to caller', () => {
    expect(idOf(withKey('a', 'one'))).not.toBe(idOf(withKey('a', 'other')));
  });

  it.each([' ', '~', 'a'.repeat(255), '"8e03978e-40d5-43dd-bc93-6894a57f9324"'])('takes %s', (key) => {
    expect(idOf(withKey(key))).toHaveLength(24);
  });

  it.each([
    ['nothing', ''],
    ['256 characters', 'a'.repeat(256)],
    ['what is not ASCII', 'schlüssel'],
    ['a control character', 'a\tb'],
  ])('refuses %s', (_, key) => {
    expect(() => idOf(withKey(key))).toThrow('1 to 255 printable ASCII');
  });

  it('refuses a header that is sent twice', () => {
    const twice = ['Host', 'idempotency-key', 'Idempotency-Key', 'a', 'idempotency-key', 'b'];
    expect(() => idOf(withKey('a, b', '', twice))).toThrow('once');
    expect(idOf(withKey('a', '', twice.slice(0, 4)))).toHaveLength(24);
  });
});

describe('fingerprintOf', () => {
  const same = fingerprintOf(asking({ a: 1, b: { c: [1, 2], d: null } }));

  it('is the same whatever the order of keys', () => {
    expect(fingerprintOf(asking({ b: { d: null, c: [1, 2] }, a: 1 }))).toBe(same);
  });

  it.each([
    ['another value', asking({ a: 2, b: { c: [1, 2], d: null } })],
    ['another order of an array', asking({ a: 1, b: { c: [2, 1], d: null } })],
    ['a key more', asking({ a: 1, b: { c: [1, 2], d: null }, e: 1 })],
    ['text for a number', asking({ a: '1', b: { c: [1, 2], d: null } })],
    ['no body', asking(undefined)],
    ['another jobtype', asking({ a: 1, b: { c: [1, 2], d: null } }, '/jobs/:jobtype', { jobtype: 'sub' })],
    ['another address', asking({ a: 1, b: { c: [1, 2], d: null } }, '/jobs', {})],
  ])('differs for %s', (_, request) => {
    expect(fingerprintOf(request)).not.toBe(same);
  });

  it('has one length', () => {
    expect(same).toHaveLength(24);
    expect(fingerprintOf(asking(undefined))).toHaveLength(24);
  });
});
