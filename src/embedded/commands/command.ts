/** What every command has in common: what it gets, and what it may answer. */
import type { Clock } from '../clock.ts';
import type { Faults } from '../faults.ts';
import type { Store } from '../store/store.ts';
import type { Waiter } from '../store/waiters.ts';
import type { Worker, Workers } from '../workers.ts';

/** Counted by the server, told by INFO. */
export interface Counters {
  readonly startedAt: number;
  /** Connections past their HELLO. */
  connections: number;
  commands: number;
}

/** What commands work on. */
export interface Faktory {
  readonly clock: Clock;
  readonly store: Store;
  readonly workers: Workers;
  readonly counters: Counters;
  readonly faults: Faults;
  /** Called after whatever may have changed what is held. */
  readonly watchers: Set<() => void>;
}

/** The connection that a command came by. It can wait for a job. */
export interface Caller extends Waiter {
  /** Undefined for a connection that only pushes. */
  readonly worker: Worker | undefined;
  /** Whether anyone is there to get a job. */
  readonly listening: boolean;
  /** Closes the connection when what was answered so far has left. */
  end(): void;
}

/**
 * Runs one command and returns its whole reply; undefined when the caller now waits and is answered later. `payload`
 * is what follows the verb and one space; undefined when there is no space.
 */
export type Command = (faktory: Faktory, payload: string | undefined, caller: Caller) => string | undefined;

/** The payload of a command that cannot do without; Faktory 1.10's answer when it is missing comes of this. */
export function required(payload: string | undefined): string {
  if (payload === undefined) throw new MissingPayload();
  return payload;
}

/** Answered as `-ERR internal error`; Faktory 1.9 would end its process. */
export class MissingPayload extends Error {}
