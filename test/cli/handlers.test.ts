import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type HandlerTarget, registerHandlers } from '../../src/cli/handlers.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-handlers-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Notes what is registered; `run` calls a handler. */
class Target {
  readonly handlers = new Map<string, (...args: never[]) => unknown>();

  get jobtypes(): string[] {
    return [...this.handlers.keys()];
  }

  register(jobtype: string, handler: (...args: never[]) => unknown): this {
    this.handlers.set(jobtype, handler);
    return this;
  }

  run(jobtype: string, ...args: unknown[]): unknown {
    return this.handlers.get(jobtype)!(...(args as never[]));
  }
}

async function load(name: string, source: string): Promise<Target> {
  const file = join(folder, name);
  writeFileSync(file, source);
  const target = new Target();
  await registerHandlers(file, target as unknown as HandlerTarget, target);
  return target;
}

describe('a handlers file', () => {
  it.each([
    ['module.mjs', 'export function add(a, b) { return a + b; } export const LIMIT = 3;'],
    ['module.js', 'export const add = (a, b) => a + b;'],
    ['common.cjs', 'module.exports = { add: (a, b) => a + b };'],
    ['common-names.cjs', 'exports.add = (a, b) => a + b; exports.LIMIT = 3;'],
    ['object.mjs', 'export default { add: (a, b) => a + b };'],
    ['register.mjs', 'export default (worker) => { worker.register("add", (a, b) => a + b); };'],
    [
      'register-later.mjs',
      'export default async (w) => { await null; w.register("add", (a, b) => a + b); };',
    ],
    ['register.cjs', 'module.exports = (worker) => { worker.register("add", (a, b) => a + b); };'],
    [
      'module.ts',
      'export function add(a: number, b: number): number { return a + b; }\nexport const LIMIT = 3;',
    ],
    ['module.mts', 'export const add = (a: number, b: number) => a + b;\nexport type Sum = number;'],
    ['common.cts', 'exports.add = (a: number, b: number): number => a + b;'],
    [
      'register.ts',
      'import type { Worker } from "millrace";\n' +
        'export default (worker: Worker) => void worker.register("add", (a: number, b: number) => a + b);',
    ],
    [
      'late.ts',
      'enum Sign { Plus = 1 }\nawait Promise.resolve();\nexport const add = (a: number, b: number) => (a + b) * Sign.Plus;',
    ],
  ])('%s gives its handlers', async (name, source) => {
    const target = await load(name, source);
    expect(target.jobtypes).toEqual(['add']);
    expect(target.run('add', 1, 2)).toBe(3);
  });

  it('in TypeScript imports its neighbours', async () => {
    writeFileSync(join(folder, 'sum.ts'), 'export const sum = (a: number, b: number): number => a + b;');
    const target = await load('neighbours.ts', 'import { sum } from "./sum.ts";\nexport const add = sum;');
    expect(target.run('add', 1, 2)).toBe(3);
  });

  it.each([
    ['empty.mjs', '', /has no handlers: export functions by jobtype, or by default a function/],
    ['values.mjs', 'export const add = 1;', /has no handlers/],
    ['nothing.mjs', 'export default () => {};', /has no handlers/],
    ['syntax.mjs', '\nexport const a = ;', /does not load: /],
    ['syntax.ts', '\nexport const a: = 1;', /does not load: .*syntax\.ts/],
    ['missing.mjs', 'import "not-installed";', /does not load: Cannot find package 'not-installed'/],
    ['missing.ts', 'import "not-installed";', /does not load: Cannot find .*not-installed/],
    ['throws.mjs', 'throw new Error("no\\nluck");', /does not load: no luck$/],
    [
      'fails.mjs',
      'export default () => { throw new Error("no luck"); };',
      /failed while it registered .*: no luck$/,
    ],
  ])('%s is refused in one line', async (name, source, message) => {
    const refused = await load(name, source).catch((error) => error);
    expect(refused).toMatchObject({ code: 'HANDLERS_INVALID', message: expect.stringMatching(message) });
    expect(refused.message).not.toContain('\n');
  });

  it('must be a file that is there', async () => {
    const target = new Target() as unknown as HandlerTarget;
    const missing = registerHandlers('nowhere/handlers.ts', target, target);
    await expect(missing).rejects.toThrow(
      /^the handlers file nowhere\/handlers.ts is not there \(looked for \//,
    );
    await expect(registerHandlers(folder, target, target)).rejects.toThrow(
      /is not a file: name the module itself$/,
    );
  });
});
