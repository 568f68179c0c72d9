/** PUSHBs of 1,000 jobs made beforehand and written to one plain socket: what Faktory alone can take. */
import { connect } from 'node:net';
import type { RunningFaktory } from '../test/helpers/faktory-process.ts';

const PUSHB_JOBS = 1_000;

/** So many since a moment of `performance.now()`. */
export const perSecond = (count: number, since: number): number =>
  (count / (performance.now() - since)) * 1_000;

/** As fast as the socket takes them, until each was answered `{}`; jobs a second. */
export async function pushPlain({ host, port }: RunningFaktory, jobs: number): Promise<number> {
  const commands: string[] = [];
  for (let at = 0; at < jobs; at += PUSHB_JOBS) {
    const list = Array.from({ length: PUSHB_JOBS }, (_, i) => small(at + i));
    commands.push(`PUSHB [${list.join(',')}]\r\n`);
  }
  const socket = connect({ host, port, noDelay: true }).setEncoding('latin1');
  const startedAt = performance.now();
  await new Promise<void>((resolve, reject) => {
    // One brace closes the greeting, and one each reply.
    let left = commands.length + 1;
    socket.on('error', reject).on('data', (text: string) => {
      left -= text.split('}').length - 1;
      if (text.includes('ERR')) reject(new Error(text));
      else if (left === 0) resolve();
    });
    socket.write('HELLO {"v":2}\r\n');
    for (const command of commands) socket.write(command);
  });
  socket.destroy();
  return perSecond(jobs, startedAt);
}

const small = (i: number): string =>
  `{"jid":"bench-${String(i).padStart(10, '0')}","queue":"default","jobtype":"noop","args":[${i}],"retry":25,"reserve_for":1800}`;
