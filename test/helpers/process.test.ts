import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isAlive, startNode, startProcess, stopAllProcesses } from './process.ts';
import { until } from './until.ts';

const FOREVER = 'setInterval(() => {}, 1000); console.log("ready");';

describe('a started process', () => {
  it('shows its lines, past and to come, and how it exits', async () => {
    await using child = startNode('-e', ['console.log("one"); console.error("two"); process.exitCode = 3']);
    expect((await child.waitForLine(/^(o)ne$/))[1]).toBe('o');
    await child.waitForLine(/two/);
    expect(await child.waitForExit()).toEqual({ code: 3, signal: null });
    expect(child.lines.toSorted()).toEqual(['one', 'two']);
  });

  it('fails a wait for a line as soon as it ends, and shows what it said', async () => {
    await using child = startNode('-e', ['console.log("something else")']);
    await expect(child.waitForLine(/ready/)).rejects.toThrow(
      /ended \(code 0\) without a line.*something else/s,
    );
  });

  it('says so when it could not be started', async () => {
    await using child = startProcess('millrace-no-such-command');
    expect(await child.exit).toEqual({ code: 127, signal: null });
    expect(child.output).toContain('ENOENT');
  });

  it('inherits nothing that could change a test', async () => {
    process.env.FAKTORY_URL = 'tcp://elsewhere';
    await using child = startNode('-e', ['console.log(JSON.stringify(process.env))'], {
      env: { GIVEN: 'yes', ABSENT: undefined },
    });
    await child.exit;
    delete process.env.FAKTORY_URL;
    const seen = JSON.parse(child.output);
    expect([seen.FAKTORY_URL, seen.NODE_ENV, seen.ABSENT, seen.GIVEN]).toEqual([
      undefined,
      undefined,
      undefined,
      'yes',
    ]);
  });

  it('is stopped by the signal asked for, suspended or not, and twice', async () => {
    const child = startNode('-e', [FOREVER]);
    await child.waitForLine(/ready/);
    child.kill('SIGSTOP');
    expect(await child.stop('SIGINT')).toEqual({ code: null, signal: 'SIGINT' });
    expect(await child.stop()).toEqual({ code: null, signal: 'SIGINT' });
  });

  it('is killed, and told of, when it does not stop', async () => {
    const child = startNode('-e', [`process.on('SIGTERM', () => {}); ${FOREVER}`]);
    await child.waitForLine(/ready/);
    await expect(child.stop('SIGTERM', { timeoutMs: 100 })).rejects.toThrow(/SIGTERM.*ready/s);
    expect(child.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('takes its own children along', async () => {
    const child = startProcess('/bin/sh', ['-c', 'sleep 1000 & echo $!; wait']);
    const grandchild = Number((await child.waitForLine(/^\d+$/))[0]);
    await child.stop();
    await until(() => !isAlive(grandchild));
  });

  it('is killed at the end of a file that forgot it', async () => {
    const child = startNode('-e', [FOREVER]);
    await child.waitForLine(/ready/);
    expect(await stopAllProcesses()).toEqual([child.commandLine]);
    expect(child.exited?.signal).toBe('SIGKILL');
    expect(await stopAllProcesses()).toEqual([]);
  });

  it('does not outlive the test process, and neither does its folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-guard-'));
    const guard = fileURLToPath(new URL('./guard.ts', import.meta.url));
    const parent = startNode('--input-type=module', [
      '-e',
      `import { spawn } from 'node:child_process';
       import { createJiti } from 'jiti';
       const { guardProcessGroup } = await createJiti(process.cwd()).import(${JSON.stringify(guard)});
       const child = spawn('sleep', ['1000'], { detached: true });
       guardProcessGroup(child.pid, ${JSON.stringify(folder)});
       console.log(child.pid);`,
    ]);
    const orphan = Number((await parent.waitForLine(/^\d+$/))[0]);
    expect(isAlive(orphan)).toBe(true);
    await parent.stop('SIGKILL');
    await until(() => !isAlive(orphan) && !existsSync(folder));
  });
});
