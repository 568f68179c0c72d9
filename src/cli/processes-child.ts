/** Several processes, the child's side: a whole worker or API that obeys its parent and tells it how it is. */
import type { Registry } from 'prom-client';
import { takeForkedMark } from '../config.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { SignalActions } from '../signals.ts';
import { isOurs, type Order, type Report } from './processes-ipc.ts';

/** How often a child looks whether it is ready: what /ready of all may be behind. */
const LOOK_MS = 250;
/** It tells so often that it is as it was: one that is not heard hangs. */
const BEAT_MS = 1_000;
/** How long the parent may take to gather the metrics of all. */
const PAGE_DEADLINE_MS = 5_000;

export interface ChildFacts {
  /** Its metrics; made only when somebody asks. */
  registry: () => Registry | Promise<Registry>;
  /** Why it is not ready, if it is not. */
  notReady: () => string | undefined;
  logger: Logger;
}

/** The way to the parent, in a process that `runProcesses` has forked; undefined in any other. */
export function findParent(): Parent | undefined {
  return takeForkedMark() && process.send !== undefined ? new Parent() : undefined;
}

export class Parent {
  #lastId = 0;

  /**
   * Stands for `onSignals`. A signal may come twice or often, since a terminal and some supervisors send it to the
   * whole group while the parent passes it on: only the parent tells a second one, and kills then. A parent that is
   * gone can tell nothing any more: the child ends, since another parent will start others.
   */
  readonly onSignals = ({ stop, quiet, dump }: SignalActions): void => {
    let stops = false;
    const stopOnce = (): void => {
      if (stops) return;
      stops = true;
      stop('SIGTERM');
    };
    process.on('SIGTERM', stopOnce).on('SIGINT', stopOnce);
    // Without an action, too: suspended or ended by it the child would be of no use to its parent.
    process.on('SIGTSTP', () => quiet?.()).on('SIGUSR2', () => dump?.());
    // A cluster's own listener would exit at once.
    process.removeAllListeners('disconnect').on('disconnect', stopOnce);
    this.#onOrder((order) => {
      if (order === 'stop') stopOnce();
      else if (order === 'quiet') quiet?.();
      else if (order === 'show') dump?.();
    });
    if (!process.connected) stopOnce();
  };

  /** Tells the parent that it has started, and from now on whether it is ready and what its metrics are. */
  started({ registry, notReady, logger }: ChildFacts): void {
    this.#tell({ millrace: 'started' });
    let told: { reason: string | undefined; at: number } | undefined;
    const look = (): void => {
      const reason = notReady();
      const at = performance.now();
      if (told !== undefined && reason === told.reason && at - told.at < BEAT_MS) return;
      told = { reason, at };
      this.#tell({ millrace: 'readiness', notReady: reason });
    };
    look();
    setInterval(look, LOOK_MS).unref();
    let made: Registry | Promise<Registry> | undefined;
    this.#onOrder(async (order, id) => {
      if (order !== 'metrics') return;
      try {
        made ??= registry();
        this.#tell({ millrace: 'metrics', id: id!, metrics: await (await made).getMetricsAsJSON() });
      } catch (error) {
        logger.error({ err: error }, `the metrics cannot be told: ${messageOf(error)}`);
      }
    });
  }

  /** The metrics of all processes, as a page. Rejects when the parent does not answer in time. */
  page(): Promise<string> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(late);
        process.off('message', hear);
      };
      const hear = (message: unknown): void => {
        if (!isOurs(message) || message.millrace !== 'page' || message.id !== id || !('text' in message))
          return;
        done();
        resolve(message.text);
      };
      const late = setTimeout(() => {
        done();
        reject(new Error(`the parent did not tell the metrics within ${PAGE_DEADLINE_MS} ms`));
      }, PAGE_DEADLINE_MS);
      process.on('message', hear);
      this.#tell({ millrace: 'page', id });
    });
  }

  #onOrder(hear: (order: Order['millrace'], id?: number) => void): void {
    process.on('message', (message: unknown) => {
      if (!isOurs(message)) return;
      const order = message as Order;
      hear(order.millrace, order.millrace === 'metrics' ? order.id : undefined);
    });
  }

  /** What no parent hears any more is dropped: `disconnect` tells. */
  #tell(report: Report): void {
    process.send?.(report, undefined, undefined, () => {});
  }
}
