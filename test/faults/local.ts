/** Workers in the test's own process, for faults that are placed by what was said on the wire, and what they count. */
import type { Client } from '../../src/client/client.ts';
import { type ErrorCode, type MillraceError, messageOf } from '../../src/errors.ts';
import { type JobInput, newJid } from '../../src/protocol/job.ts';
import type { WorkerOptions } from '../../src/worker/options.ts';
import { Worker } from '../../src/worker/worker.ts';
import type { Relay, Side } from '../helpers/relay.ts';
import type { Ledger } from './ledger.ts';
import { connectRaw, makeQueues } from './raw-faktory.ts';

/** A worker whose handler `run` writes each start and end into the ledger; it is stopped when disposed of. */
export function localWorker(ledger: Ledger, url: string, options: WorkerOptions = {}): Worker {
  const worker = new Worker({
    url,
    concurrency: 50,
    logger: false,
    trapSignals: false,
    shutdownTimeoutMs: 1_000,
    ...options,
  });
  worker.handle('run', (ctx) => {
    ledger.started(ctx.id);
    ledger.ended(ctx.id);
  });
  return worker;
}

/** Pushes jobs at once, all in the ledger; their jids once all are answered, whatever the answers. */
export async function pushJobs(
  ledger: Ledger,
  client: Client,
  count: number,
  job: Partial<JobInput> = {},
): Promise<string[]> {
  const jids = Array.from({ length: count }, () => newJid());
  await Promise.all(
    jids.map((jid) => ledger.follow(jid, client.push({ jobtype: 'run', args: [], ...job, jid }))),
  );
  return jids;
}

/** The faults that a worker tells of, as they come. */
export class Faults {
  readonly all: MillraceError[] = [];

  constructor(worker: Worker) {
    worker.on('error', (error) => this.all.push(error));
  }

  count(...codes: ErrorCode[]): number {
    return this.all.filter(({ code }) => codes.includes(code)).length;
  }

  /** For a ledger: what was told, and how often. */
  get shown(): string {
    const counts = new Map<string, number>();
    for (const { code } of this.all) counts.set(code, (counts.get(code) ?? 0) + 1);
    return [...counts].map(([code, count]) => `${count} ${code}`).join(' + ') || 'none';
  }
}

/** Each kind of line that was said once: what the log of a process holds of a fault. */
export function linesWith(lines: readonly string[], pattern: RegExp): string[] {
  return lines.filter((line) => pattern.test(line));
}

/** Sees the commands or replies that match pass by a relay (started with `messages`), and lets them. */
export class Watch {
  readonly seen: string[] = [];
  readonly stop: () => void;

  constructor(relay: Relay, side: Side, pattern: RegExp) {
    const placed = relay.rule({ side, match: new Looking(pattern, this.seen), act: 'swallow' });
    this.stop = placed.remove;
  }

  get count(): number {
    return this.seen.length;
  }
}

/** A pattern that notes what it would match, and never does: so a rule that bears it never acts. */
class Looking extends RegExp {
  readonly #seen: string[];

  constructor(pattern: RegExp, seen: string[]) {
    super(pattern);
    this.#seen = seen;
  }

  override [Symbol.search](text: string): number {
    if (super[Symbol.search](text) >= 0) this.#seen.push(text.replace(/\r\n$/, ''));
    return -1;
  }
}

/** From now on no token ends a wait: each FETCH on an empty queue takes its two seconds. */
export async function pauseWakeQueues(faktory: { host: string; port: number }): Promise<void> {
  await using raw = await connectRaw(faktory);
  const names = Array.from({ length: 64 }, (_, index) => `millrace-wake.${String(index).padStart(2, '0')}`);
  // Only what exists can be paused.
  await makeQueues(raw, names);
  const answer = await raw.ask(`QUEUE PAUSE ${names.join(' ')}`);
  if (answer !== '+OK\r\n') throw new Error(`QUEUE PAUSE was answered ${answer}`);
}

/** What a promise came to: its value, or the code and the message of its error. */
export async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: MillraceError) => `${error.code}: ${messageOf(error)}`);
}
