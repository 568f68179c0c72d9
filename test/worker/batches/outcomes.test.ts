import { describe, expect, it } from 'vitest';
import { endsOf } from '../../../src/worker/batches/outcomes.ts';

describe('the answer of a batch handler', () => {
  it.each([[undefined], [null], [[undefined, null]]])('%s: all are done', (answer) => {
    expect(endsOf(answer, 2)).toEqual([undefined, undefined]);
  });

  it('tells of each job, in their order', () => {
    const error = new Error('no');
    expect(endsOf([undefined, error, null], 3)).toEqual([undefined, { error }, undefined]);
  });

  it('may be what Promise.allSettled gives, whatever was thrown', async () => {
    const settled = await Promise.allSettled([1, Promise.reject('no'), Promise.reject(undefined)]);
    expect(endsOf(settled, 3)).toEqual([undefined, { error: 'no' }, { error: undefined }]);
  });

  it('may leave holes: those are done', () => {
    expect(endsOf(new Array(2), 2)).toEqual([undefined, undefined]);
  });

  it.each([
    [[undefined], 'answered 1 outcomes for 2 jobs'],
    [[undefined, undefined, undefined], 'answered 3 outcomes for 2 jobs'],
    [[undefined, 7], 'answered the number 7 as outcome 1'],
    [[undefined, false], 'answered the boolean false as outcome 1'],
    [[{ id: 1 }, undefined], 'answered an object as outcome 0'],
    [{ rowCount: 2 }, 'answered an object'],
    [new Map(), 'answered a Map'],
    [2, 'answered the number 2'],
    [Object.create(null), 'answered a thing'],
  ])('%j is refused: to guess would lose jobs', (answer, text) => {
    expect(() => endsOf(answer, 2)).toThrow(expect.objectContaining({ code: 'BATCH_ANSWER' }));
    expect(() => endsOf(answer, 2)).toThrow(text);
  });
});
