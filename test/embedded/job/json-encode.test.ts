import { expect, it } from 'vitest';
import { encodeJson, encodeString, quote } from '../../../src/embedded/job/json-encode.ts';

it.each([
  ['{"b":1,"a":{"d":1,"c":[{"2":1,"10":2,"1":3}]}}', '{"a":{"c":[{"1":3,"10":2,"2":1}],"d":1},"b":1}'],
  ['{"\ue000":1,"\ud83d\ude00":2,"z":3,"zz":4,"":5}', '{"":5,"z":3,"zz":4,"\ue000":1,"\ud83d\ude00":2}'],
  ['{"__proto__":1,"a":2}', '{"__proto__":1,"a":2}'],
  ['[-0,0,1e21,1e20,1e-6,1e-7,5e-324,1.50]', '[-0,0,1e+21,100000000000000000000,0.000001,1e-7,5e-324,1.5]'],
  ['["<>&","\\u2028","\\u0000","\\"\\\\"]', '["\\u003c\\u003e\\u0026","\\u2028","\\u0000","\\"\\\\"]'],
  [
    '["\\ud800","\\ude00x","\\\\ud800","\\\\\\ud800","\\ud83d\\ude00"]',
    '["\ufffd","\ufffdx","\\\\ud800","\\\\\ufffd","\ud83d\ude00"]',
  ],
  ['[null,true,false,[],{},[[]],""]', '[null,true,false,[],{},[[]],""]'],
])('writes %s as Go does', (json, expected) => {
  expect(encodeJson(JSON.parse(json))).toBe(expected);
});

it('refuses a number that no double holds', () => {
  expect(() => encodeJson(JSON.parse('[1e999]'))).toThrow('json: cannot unmarshal number');
});

it('writes strings, simple ones too', () => {
  expect(encodeString('job-1.a/b c')).toBe('"job-1.a/b c"');
  expect(encodeString('a"b\u007fé')).toBe('"a\\"b\u007fé"');
});

it('quotes as Go prints', () => {
  expect(quote('a b/"\n\u0001\u007fé')).toBe('"a b/\\"\\n\\x01\\x7fé"');
});
