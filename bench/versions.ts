/** What a run stands on, for its first lines. */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { redisServer } from '../test/helpers/real-faktory-build.ts';

/** One line; the peers tell theirs as they are made ready. */
export function machine(faktory: string): string {
  return `Faktory ${faktory}, Redis ${redisVersion()}, Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}`;
}

function redisVersion(): string {
  const command = redisServer();
  if (command === undefined) return 'none';
  return /v=(\S+)/.exec(execFileSync(command, ['--version'], { encoding: 'utf8' }))?.[1] ?? '?';
}
