/** What Faktory tells of queues to who has to know whether jobs wait there: numbers of a partition begin only where none do. */
import type { Address } from '../connection/address.ts';
import { request } from '../connection/command.ts';
import { askInfo } from '../connection/info.ts';
import type { Lanes } from '../connection/lanes.ts';
import { isMillraceError } from '../errors.ts';
import { rawCommand } from '../protocol/commands.ts';

/** Both reject while Faktory cannot be reached. */
export interface QueueLook {
  /** Whether Faktory knows none of them, as of the last 15 s: it must not be asked often. */
  knowsNone(queues: readonly string[]): Promise<boolean>;
  /** Those in which a job waits just now. */
  holding(queues: readonly string[]): Promise<ReadonlySet<string>>;
}

/** One command asks for so many queues. */
const AT_ONCE = 100;

/** `timeoutMs`: how long a connection is waited for. */
export function lookThrough(lanes: Lanes, address: Address, timeoutMs: number): QueueLook {
  const holding = async (queues: readonly string[]): Promise<string[]> => {
    const lane = await lanes.acquire(timeoutMs);
    try {
      // How long the oldest has waited: nothing where there is none. Unlike INFO, it costs Faktory next to nothing.
      const reply = await request(lane, rawCommand(['QUEUE', 'LATENCY', ...queues]));
      const seconds = new Map<string, unknown>(Object.entries((JSON.parse(reply ?? '{}') as object) ?? {}));
      return queues.filter((queue) => (seconds.get(queue) ?? 0) !== 0);
    } catch (error) {
      if (!isMillraceError(error, 'COMMAND_REFUSED')) throw error;
      // A job that an older version has requeued makes an error of the whole reply. It is one that waits.
      if (queues.length === 1) return [...queues];
      return (await Promise.all(queues.map((queue) => holding([queue])))).flat();
    }
  };
  return {
    async knowsNone(queues) {
      await lanes.acquire(timeoutMs);
      const { info } = await askInfo(address, lanes);
      const known = new Set(Object.keys(info.faktory.queues ?? {}));
      return !queues.some((queue) => known.has(queue));
    },
    async holding(queues) {
      const found: string[] = [];
      for (let i = 0; i < queues.length; i += AT_ONCE)
        found.push(...(await holding(queues.slice(i, i + AT_ONCE))));
      return new Set(found);
    },
  };
}
