/** The examples of tests, run as the head of each says to. */
import { expect, it } from 'vitest';
import { startProcess } from '../helpers/process.ts';

it('vitest', async () => {
  await using run = startProcess('npx', ['vitest', 'run', '--root', 'examples/testing'], {
    env: { NO_COLOR: '1' },
  });
  const { code } = await run.waitForExit({ timeoutMs: 50_000 });
  expect(run.output).toMatch(/Tests {2}6 passed \(6\)/);
  expect(code).toBe(0);
});

it('node:test', async () => {
  await using run = startProcess('node', ['--test', 'examples/testing/node-test.mjs']);
  const { code } = await run.waitForExit({ timeoutMs: 50_000 });
  expect(run.output).toMatch(/^. pass 4$/m);
  expect(run.output).toMatch(/^. fail 0$/m);
  expect(code).toBe(0);
});
