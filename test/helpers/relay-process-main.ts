import { type RelayOptions, type RelayTarget, startRelay } from './relay.ts';

/** What a process asks of its relay process, by IPC: a method of Relay and its arguments. */
export interface RelayCall {
  readonly id: number;
  readonly method:
    | 'setDelay'
    | 'freeze'
    | 'thaw'
    | 'slice'
    | 'throttle'
    | 'blackhole'
    | 'cut'
    | 'refuse'
    | 'counts';
  readonly args: readonly unknown[];
}

export interface RelayAnswer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** The program of a relay process; its one argument says what to relay. It ends when its parent is gone. */
const { target, options }: { target: RelayTarget; options: RelayOptions } = JSON.parse(process.argv[2] ?? '');
const relay = await startRelay(target, options);

process.on('disconnect', () => process.exit(0));
process.on('message', async ({ id, method, args }: RelayCall) => {
  try {
    const result = method === 'counts' ? counts() : await callRelay(method, args);
    send({ id, result });
  } catch (error) {
    send({ id, error: String(error) });
  }
});
send({ id: 0, result: { port: relay.port, url: relay.url } });

function callRelay(method: Exclude<RelayCall['method'], 'counts'>, args: readonly unknown[]): unknown {
  const call = relay[method] as (...args: readonly unknown[]) => unknown;
  return call.apply(relay, [...args]);
}

function counts(): unknown {
  return { connections: relay.connections, accepted: relay.accepted, bytes: relay.bytes };
}

function send(answer: RelayAnswer): void {
  process.send?.(answer);
}
