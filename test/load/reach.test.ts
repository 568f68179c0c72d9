import { describe, expect, it } from 'vitest';
import { refusalOf } from '../../src/load/reach.ts';

const URL = 'http://127.0.0.1:3000';

describe('why a first job was not taken', () => {
  it.each([
    [401, '', false, 'set API_TOKEN'],
    [401, '', true, 'it does not know the token of API_TOKEN'],
    [404, '<html>', true, 'is it a millrace API?'],
    [
      403,
      '{"error":{"code":"JOB_FORBIDDEN","message":"jobtype \\"x\\" is not one"}}',
      true,
      '403, jobtype "x" is not one',
    ],
    [502, 'Bad\nGateway', true, 'did not take a job: 502'],
  ])('%d %s', (status, body, hasToken, words) => {
    const line = refusalOf(URL, status, body, hasToken);
    expect(line).toContain(words);
    expect(line.split('\n')).toHaveLength(1);
  });
});
