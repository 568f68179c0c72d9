import { vi } from 'vitest';
import { Connection, type ConnectionOptions, type Receiver } from '../../src/connection/connection.ts';
import type { MillraceError } from '../../src/errors.ts';
import type { ReplyKind } from '../../src/protocol/resp.ts';

/** A Connection, and what its owner hears of it. */
export interface Linked {
  readonly connection: Connection;
  readonly ready: Promise<Connection>;
  /** Resolves to why it ended. */
  readonly closed: Promise<MillraceError | undefined>;
  /** What its owner and its receivers heard, in order. */
  readonly heard: string[];
}

export function link(options: Partial<ConnectionOptions> & Pick<ConnectionOptions, 'address'>): Linked {
  const heard: string[] = [];
  let connection: Connection | undefined;
  let onReady: (connection: Connection) => void = () => {};
  const ready = new Promise<Connection>((resolve) => {
    onReady = resolve;
  });
  const closed = new Promise<MillraceError | undefined>((resolve) => {
    connection = new Connection(
      { hello: { v: 2, hostname: 'test' }, deadlineMs: 9_000, ...options },
      {
        onReady: (which) => {
          heard.push('ready');
          onReady(which);
        },
        onClosed: (_which, error) => {
          heard.push(`closed ${error?.code ?? 'on purpose'}`);
          resolve(error);
        },
        onThrown: (_which, thrown) => heard.push(`threw ${thrown}`),
      },
    );
  });
  return { connection: connection!, ready, closed, heard };
}

/** A Connection that is past its handshake; throws what keeps it from that. */
export async function linked(
  options: Partial<ConnectionOptions> & Pick<ConnectionOptions, 'address'>,
): Promise<Linked> {
  const it = link(options);
  const error = await Promise.race([it.ready.then(() => undefined), it.closed]);
  if (error !== undefined) throw error;
  return it;
}

/** Keeps what it hears: `times` is 1 when all is well. */
export class Ear implements Receiver {
  times = 0;
  reply: string | undefined;
  kind: ReplyKind | undefined;
  error: MillraceError | undefined;
  written: boolean | undefined;
  writtenAt: number | undefined;
  readonly heard: Promise<this>;
  #hear: (it: this) => void = () => {};

  constructor() {
    this.heard = new Promise((resolve) => {
      this.#hear = resolve;
    });
  }

  onReply(kind: ReplyKind, text: string, writtenAt: number): void {
    this.times += 1;
    this.kind = kind;
    this.reply = text;
    this.writtenAt = writtenAt;
    this.#hear(this);
  }

  onLost(error: MillraceError, written: boolean): void {
    this.times += 1;
    this.error = error;
    this.written = written;
    this.#hear(this);
  }
}

/** Sends a command, and keeps what becomes of it. */
export function ask(connection: Connection, command: string): Ear {
  const ear = new Ear();
  connection.send(`${command}\r\n`, ear);
  return ear;
}

/** So many turns of the event loop: what a socket has on this machine is read within one. */
export async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Lets faked time pass, and sockets be read, until the promise is settled. */
export async function meanwhile<T>(promise: Promise<T>, stepMs = 100): Promise<T> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  promise.then(settle, settle);
  while (!settled) {
    await turns();
    vi.advanceTimersByTime(stepMs);
  }
  return promise;
}
