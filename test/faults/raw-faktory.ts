/** Faktory by hand: other clients than millrace, which do what they like. */
import { RawClient } from '../helpers/raw-client.ts';

/** A connection that has said HELLO: a producer, or with a `wid` a worker. */
export async function connectRaw(address: { host: string; port: number }, wid?: string): Promise<RawClient> {
  const client = await RawClient.connect({ host: address.host, port: address.port });
  await client.reply();
  const worker = wid === undefined ? {} : { wid, pid: process.pid, labels: [] };
  const answer = await client.ask(`HELLO ${JSON.stringify({ v: 2, hostname: 'test', ...worker })}`);
  if (answer !== '+OK\r\n') throw new Error(answer);
  return client;
}

export interface FaktoryInfo {
  readonly queues: Record<string, number>;
  readonly sets: Record<'dead' | 'retries' | 'scheduled' | 'working', number>;
  readonly tasks: { readonly Workers: { readonly size: number } };
}

/** What INFO tells. */
export async function askInfo(client: RawClient): Promise<FaktoryInfo> {
  return bulk<{ faktory: FaktoryInfo }>(await client.ask('INFO')).faktory;
}

/** The next job of a queue, as Faktory hands it out. */
export async function fetchRaw(client: RawClient, queue: string): Promise<Record<string, unknown>> {
  return bulk(await client.ask(`FETCH ${queue}`));
}

/** Makes queues, as their first push does, and leaves them empty. */
export async function makeQueues(client: RawClient, names: readonly string[]): Promise<void> {
  for (const queue of names) {
    const jid = `made-${queue}`;
    await client.ask(`PUSHB [${JSON.stringify({ jid, queue, jobtype: 'none', args: [], retry: 0 })}]`);
    await client.ask(`FETCH ${queue}`);
    await client.ask(`ACK {"jid":"${jid}"}`);
  }
}

/** Asks INFO so often until `stop()`, which tells how many were answered. */
export function pollInfo(client: RawClient, everyMs: number): { stop(): number } {
  let answered = 0;
  const timer = setInterval(() => {
    client.ask('INFO').then(
      () => {
        answered += 1;
      },
      () => {},
    );
  }, everyMs);
  return {
    stop: () => {
      clearInterval(timer);
      return answered;
    },
  };
}

function bulk<T>(reply: string): T {
  if (!reply.startsWith('$')) throw new Error(`a bulk reply was expected: ${reply}`);
  return JSON.parse(reply.slice(reply.indexOf('\r\n') + 2)) as T;
}
