import { describe, expect, it } from 'vitest';
import { explainFault } from '../../src/connection/faults.ts';

const address = { host: 'faktory', port: 7419, tls: false, password: 'hunter2' };
const fault = (code: string, message = code): Error => Object.assign(new Error(message), { code });

describe('explainFault', () => {
  it.each([
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'ETIMEDOUT',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'ECONNRESET',
    'EPIPE',
  ])('says for %s in one line where, what and what to do', (code) => {
    const cause = fault(code, `connect ${code}\nat somewhere`);
    const error = explainFault(address, cause);
    expect(error.code).toBe('FAKTORY_UNREACHABLE');
    expect(error.message).toMatch(new RegExp(`^tcp://faktory:7419 \\(${code}\\): [a-zA-Z].{10,}$`));
    expect(error.message).not.toContain('hunter2');
    expect(error.cause).toBe(cause);
  });

  it('looks into the faults of several addresses behind one name', () => {
    const cause = new AggregateError([fault('ECONNREFUSED'), fault('ENETUNREACH')]);
    expect(explainFault(address, cause).message).toContain('(ECONNREFUSED): nothing listens there');
    expect(explainFault(address, new AggregateError([], 'none')).message).toContain('none');
  });

  it('passes on what it does not know, in one line', () => {
    expect(explainFault(address, fault('EMFILE', 'too many\nopen files')).message).toBe(
      'tcp://faktory:7419 (EMFILE): too many open files',
    );
    expect(explainFault(address, new TypeError('odd')).message).toBe('tcp://faktory:7419 (TypeError): odd');
  });

  it.each(['DEPTH_ZERO_SELF_SIGNED_CERT', 'CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID', 'EPROTO'])(
    'tells a fault of TLS apart: %s',
    (code) => {
      expect(explainFault(address, fault(code, 'a:b:c\n')).message).toBe(
        `tcp://faktory:7419: TLS failed (${code}): a:b:c`,
      );
    },
  );
});
