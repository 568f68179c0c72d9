/** Runs the built `millrace` as users do: processes of their own, away from the repository and its .env. */
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type RunningProcess, startNode, startProcess } from '../helpers/process.ts';
import { until } from '../helpers/until.ts';

export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
export const EXAMPLE_HANDLERS = fileURLToPath(new URL('../../examples/handlers.ts', import.meta.url));

export interface MillraceOptions {
  env?: Record<string, string | undefined>;
  cwd?: string;
}

/** Starts `millrace …`. */
export function millrace(
  args: readonly string[],
  { env = {}, cwd = tmpdir() }: MillraceOptions = {},
): RunningProcess {
  return startNode(MAIN, args, { cwd, env });
}

/** Runs `millrace …` to its end. */
export async function ran(
  args: readonly string[],
  options?: MillraceOptions,
): Promise<{ code: number | null; lines: readonly string[] }> {
  await using child = millrace(args, options);
  const { code } = await child.waitForExit({ timeoutMs: 30_000 });
  return { code, lines: child.lines };
}

/** Runs a line of a shell to its end; what it printed. */
export async function shell(line: string, env: Record<string, string> = {}): Promise<string> {
  await using child = startProcess('sh', ['-c', line], { cwd: tmpdir(), env });
  const { code } = await child.waitForExit({ timeoutMs: 30_000 });
  if (code !== 0) throw new Error(`${line}: exit code ${code}\n${child.output}`);
  return child.output;
}

/** Waits until the API says that it takes jobs. */
export async function untilReady(url: string): Promise<void> {
  const ready = () =>
    fetch(`${url}/ready`).then(
      (response) => response.ok,
      () => false,
    );
  await until(ready, { what: `${url}/ready` });
}

/** Whether the document's curl can be run here. Its own words are the test where it can. */
export async function hasCurl(): Promise<boolean> {
  await using child = startProcess('sh', ['-c', 'command -v curl']);
  return (await child.waitForExit()).code === 0;
}
