/** What Faktory still holds: how much, by INFO, and which jobs, by its Redis, since the protocol lists nothing. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { askInfo, connectRaw } from '../../test/faults/raw-faktory.ts';
import type { RealFaktory } from '../../test/helpers/real-faktory.ts';

export interface Held {
  readonly queued: number;
  readonly working: number;
  readonly retries: number;
  readonly scheduled: number;
  readonly dead: number;
}

/** Wake tokens left out of what is queued. */
export async function heldBy(faktory: RealFaktory): Promise<Held> {
  await using client = await connectRaw(faktory);
  const { queues, sets } = await askInfo(client);
  const own = Object.entries(queues).filter(([name]) => !name.startsWith('millrace-wake.'));
  return { queued: own.reduce((sum, [, size]) => sum + size, 0), ...sets };
}

/** Where each of the soak's jobs lies that Faktory still has: by the job's number, `dead` and so on. */
export async function keptJobs({ dir }: RealFaktory): Promise<Map<number, string>> {
  const kept = new Map<number, string>();
  const ask = async (...words: string[]): Promise<string[]> => {
    const args = ['-s', join(dir, 'db', 'redis.sock'), ...words];
    const { stdout } = await promisify(execFile)('redis-cli', args, { maxBuffer: 2 ** 30 });
    return stdout.split('\n');
  };
  for (const key of await ask('KEYS', 'q:*')) {
    if (key.startsWith('q:') && !key.includes('millrace-wake.'))
      note(kept, key, await ask('LRANGE', key, '0', '-1'));
  }
  for (const set of ['scheduled', 'retries', 'working', 'dead']) {
    note(kept, set, await ask('ZRANGE', set, '0', '-1'));
  }
  return kept;
}

function note(kept: Map<number, string>, where: string, payloads: readonly string[]): void {
  for (const payload of payloads) {
    const id = /"args":\[\{"id":(\d+)\}\]/.exec(payload)?.[1];
    if (id !== undefined) kept.set(Number(id), where);
  }
}
