import { spawn } from 'node:child_process';

/**
 * Waits at the end of a pipe that only this process writes to. A line means "all is well, go"; the end of the
 * pipe without one means that this process is gone, however it died, SIGKILL included.
 */
const SCRIPT = `
if read -r _; then exit 0; fi
kill -s KILL -- "-$1" 2>/dev/null
[ -z "$2" ] || { rm -rf -- "$2" || { sleep 1; rm -rf -- "$2"; }; }
`;

/**
 * Has a small shell kill a process group, and remove a folder, should this process die before it calls the
 * returned function. Without it an interrupted test run leaves Faktory and Redis behind.
 *
 * @param group id of the process group: the pid of a child spawned with `detached: true`
 */
export function guardProcessGroup(group: number, folder = ''): () => void {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'guard', String(group), folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env.PATH },
  });
  shell.on('error', () => {});
  shell.stdin.on('error', () => {});
  shell.unref();
  if ('unref' in shell.stdin && typeof shell.stdin.unref === 'function') shell.stdin.unref();
  return () => shell.stdin.end('done\n');
}
