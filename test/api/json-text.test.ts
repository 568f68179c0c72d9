import { describe, expect, it } from 'vitest';
import { depthFaultOf, faultOf } from '../../src/api/json-text.ts';

describe('faultOf', () => {
  it.each([
    ['an empty object', '{}'],
    ['all kinds of values', '[null,true,false,"a",1,-0,1.5,-2e3,{"a":[{}]},[]]'],
    ['the same key in different objects', '{"a":{"a":1},"b":{"a":2}}'],
    ['the same key in neighbours', '[{"a":1},{"a":2}]'],
    ['a value that looks like a key', '{"a":"b","b":"a"}'],
    ['brackets, quotes and backslashes in strings', '{"a":"}]{[\\",\\\\","b":"\\\\\\""}'],
    ['the largest whole number that is kept', '[9007199254740991,-9007199254740991]'],
    ['digits beyond what a fraction can keep', '[0.1000000000000000055511151231257827]'],
    ['a large number by its exponent', '[1e300,1.7976931348623157e308,-6.02214076E+23,100e20,0.1e22]'],
    ['whole values however they are written', '[1.0,1e3,9007199254740991.0,9007199254740991e0,0.5e1]'],
    ['zero however it is written', '[0e400,-0.000e-400,0.00000000000000000000]'],
    ['the smallest number', '[5e-324,2.2250738585072014e-308]'],
    ['whole characters by their escapes', '{"\\ud83d\\ude80":"\\uD83D\\uDE80 \\\\ud800"}'],
    ['numbers in strings', '{"9007199254740993":"9007199254740993"}'],
    ['"constructor" and "prototype" apart', '{"constructor":1,"prototype":2}'],
    ['"prototype" in a list of "constructor"', '{"constructor":[{"prototype":1}]}'],
    ['100 deep', `${'['.repeat(100)}${']'.repeat(100)}`],
    ['blanks wherever they may be', ' { "a" : [ 1 , 2 ] , "b" : { } } '],
  ])('lets pass: %s', (_, text) => {
    JSON.parse(text);
    expect(faultOf(text)).toBeUndefined();
  });

  it.each([
    ['a key twice', '{"a":1,"b":2,"a":3}', 'body.a'],
    ['a key twice, deep', '[0,{"x y":[{"a":{},"a":{}}]}]', 'body[1]["x y"][0].a'],
    ['a key twice, once by its escape', '{"a":1,"\\u0061":2}', 'body.a'],
    ['an empty key twice', '{"":1,"":2}', 'body[""]'],
    ['a number beyond 2^53', '{"id":9007199254740993}', 'body.id'],
    ['a number beyond 2^53 that is even', '[1,-90071992547409920]', 'body[1]'],
    ['one that is written as a fraction', '{"id":9007199254740993.0}', 'body.id'],
    ['one that is written as a fraction, even', '{"id":9007199254740992.0}', 'body.id'],
    ['one with an exponent', '{"id":9007199254740993e0}', 'body.id'],
    ['one with an exponent, and many digits', '{"id":1234567890123456789.012e30}', 'body.id'],
    ['a fraction that would become a whole number', '[9007199254740993.5]', 'body[0]'],
    ['a number that would become zero', '{"a":1e-400}', 'body.a'],
    ['one without an exponent', `[-0.${'0'.repeat(400)}1]`, 'body[0]'],
    ['half a character', '{"a":["\\ud800"]}', 'body.a[0]'],
    ['its other half', '{"a":"x\\uDC00x"}', 'body.a'],
    ['both halves the wrong way', '["\\ude80\\ud83d"]', 'body[0]'],
    ['half a character in a key', '{"a":1,"\\ud800":2}', 'body["\\ud800"]'],
    ['a number beyond all', '{"a":[1,1e400]}', 'body.a[1]'],
    ['__proto__', '{"a":{"__proto__":1}}', 'body.a.__proto__'],
    ['__proto__ by an escape', '{"\\u005f_proto__":1}', 'body.__proto__'],
    ['"prototype" of "constructor"', '{"constructor":{"prototype":{}}}', 'body.constructor.prototype'],
    ['101 deep', `${'['.repeat(101)}${']'.repeat(101)}`, `body${'[0]'.repeat(31)}…`],
  ])('tells where: %s', (_, text, path) => {
    JSON.parse(text);
    expect(faultOf(text)?.path).toBe(path);
  });

  it('takes time in proportion to the text, whatever is in it', () => {
    const keys = Array.from({ length: 100_000 }, (_, i) => `"${i}":0`).join(',');
    expect(faultOf(`{${keys}}`)).toBeUndefined();
    expect(faultOf(`{${keys},"0":1}`)?.path).toBe('body["0"]');
    expect(faultOf(`["${'\\\\'.repeat(500_000)}"]`)).toBeUndefined();
    expect(faultOf(`[1.${'0'.repeat(500_000)}1e1]`)).toBeUndefined();
    expect(faultOf(`[1${'0'.repeat(200)}1${'0'.repeat(500_000)}e-500000]`)?.path).toBe('body[0]');
    expect(faultOf(`[${'1'.repeat(1_000_000)}]`)?.message.length).toBeLessThan(300);
    expect(faultOf(`{"${'k'.repeat(100_000)}":1e999}`)!.path.length).toBeLessThan(300);
  });

  it('agrees with what is known of texts made at random', () => {
    let seed = 20;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    const value = (depth: number): unknown => {
      const kind = random(depth > 4 ? 4 : 6);
      if (kind === 0) return random(2 ** 31) - 2 ** 30;
      if (kind === 1) return ['', '"', '\\', '{"a":1}', '__proto__', '\u2028é🚀', '\\"'][random(7)];
      if (kind === 2) return [null, true, false, 1.5e-7][random(4)];
      if (kind === 3) return random(1_000) / 7;
      if (kind === 4) return Array.from({ length: random(4) }, () => value(depth + 1));
      return Object.fromEntries(
        Array.from({ length: random(4) }, () => [
          `k${['"', '\\', '', ' '][random(4)]}${random(9)}`,
          value(depth + 1),
        ]),
      );
    };
    for (let round = 0; round < 2_000; round += 1) {
      const text = JSON.stringify(value(0), null, random(3));
      expect(faultOf(text), text).toBeUndefined();
      // The same, with one fault put in at its end.
      expect(faultOf(`[${text},{"twice":${text},"twice":0}]`)?.path).toBe('body[1].twice');
    }
  });
});

describe('depthFaultOf', () => {
  it('refuses what is nested too deep before it is parsed, be it JSON or not', () => {
    expect(depthFaultOf('['.repeat(1_000_000))?.message).toContain('over 100 deep');
    expect(depthFaultOf(`{"a":"${'x'.repeat(5_000)}","b":${'{"c":'.repeat(100)}`)?.path).toBe('body');
  });

  it('lets pass what is long, and what is short', () => {
    expect(depthFaultOf(`["${'['.repeat(10_000)}",${'[],'.repeat(1_000)}[]]`)).toBeUndefined();
    expect(depthFaultOf('['.repeat(200))).toBeUndefined();
    expect(depthFaultOf(`["${'[\\\\\\"'.repeat(2_000)}`)).toBeUndefined();
    expect(depthFaultOf(`${' '.repeat(5_000)}"`)).toBeUndefined();
  });
});
