/** Carries out one MUTATE of `millrace dead|retries|scheduled`: shows it, asks, sends it, tells the sizes. */
import type { Config } from '../config.ts';
import { MillraceError, messageOf } from '../errors.ts';
import {
  JIDS_AT_ONCE,
  type JobFilter,
  mutationsOf,
  type SetCommand,
  type SetName,
} from '../protocol/set-filter.ts';
import { ask } from './ask.ts';
import { linkOf } from './link.ts';
import { type Mutation, outcomeText, previewText, type Sizes, whyItStopped } from './sets-text.ts';

export interface RunMutationOptions {
  set: SetName;
  cmd: SetCommand;
  filter: JobFilter;
  /** Do not ask. */
  yes: boolean;
  json: boolean;
  config: Config;
}

/** What of the Client is used: any command, and its reply. */
export type Send = (command: readonly string[]) => Promise<string>;

const PROGRESS_EVERY_MS = 10_000;
const CLEAR_LINE = '\r\x1b[K';

/** Throws CONFIG_INVALID where it may not ask, what keeps Faktory away, and what stopped it after telling the sizes. */
export async function runMutation(options: RunMutationOptions): Promise<void> {
  const { set, cmd, filter, yes, json, config } = options;
  if (!yes && !(process.stdin.isTTY && process.stderr.isTTY)) {
    throw new MillraceError('CONFIG_INVALID', 'there is no terminal to ask on: say --yes to go ahead');
  }
  const { Client } = await import('../client/client.ts');
  const link = linkOf(config, false);
  const client = new Client(link.connect);
  const send: Send = (command) => client.send(command);
  try {
    await client.connect();
    const mutation: Mutation = { set, cmd, payloads: mutationsOf(set, cmd, filter), where: link.where };
    const before = await sizesOf(send);
    if (!(yes && json)) process.stderr.write(previewText(mutation, before));
    if (!yes && !(await ask('Send it? y/N '))) {
      console.error('nothing was sent');
      process.exitCode = 1;
      return;
    }
    const stopped = await sendAll(send, mutation, filter.jids?.length);
    const after = await sizesOf(send).catch(() => undefined);
    if (json)
      console.log(JSON.stringify({ set, cmd, filter, before: before[set], after: after?.[set] ?? null }));
    else console.log(outcomeText(mutation, before, after));
    if (stopped !== undefined) throw stopped;
  } finally {
    await client.close();
  }
}

/** One after another; ends at the first that is not answered with OK, and returns what to say of it. */
async function sendAll(send: Send, { payloads }: Mutation, jids = 0): Promise<MillraceError | undefined> {
  const several = payloads.length > 1;
  const progress = several ? new JidProgress(jids) : undefined;
  let done = 0;
  try {
    for (const payload of payloads) {
      await send(['MUTATE', payload]);
      done = Math.min(done + JIDS_AT_ONCE, jids);
      progress?.tell(done);
    }
    return undefined;
  } catch (error) {
    return whyItStopped(error, several ? done : undefined);
  } finally {
    progress?.end();
  }
}

/** A line that changes on a terminal, a line now and then elsewhere. */
class JidProgress {
  readonly #total: number;
  readonly #terminal = process.stderr.isTTY === true;
  #toldAt = performance.now();

  constructor(total: number) {
    this.#total = total;
  }

  tell(done: number): void {
    const text = `${done} of ${this.#total} jids sent`;
    if (this.#terminal) process.stderr.write(`${CLEAR_LINE}${text}`);
    else if (performance.now() - this.#toldAt > PROGRESS_EVERY_MS) {
      this.#toldAt = performance.now();
      console.error(text);
    }
  }

  end(): void {
    if (this.#terminal) process.stderr.write(CLEAR_LINE);
  }
}

/** By INFO, which is not for asking often: it races with the making of queues inside of Faktory. */
async function sizesOf(send: Send): Promise<Sizes> {
  const text = await send(['INFO']);
  try {
    const { faktory } = JSON.parse(text) as { faktory: { sets: Sizes } };
    const { dead, retries, scheduled } = faktory.sets;
    return { dead, retries, scheduled };
  } catch (cause) {
    throw new MillraceError('PROTOCOL_VIOLATION', `INFO holds no sizes: ${messageOf(cause)}`, { cause });
  }
}
