/** Full load with a fault in the midst of it, as several rows have it. */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { answersHi } from '../helpers/faktory-url.ts';
import type { RealFaktory } from '../helpers/real-faktory.ts';
import type { Relay } from '../helpers/relay.ts';
import { until } from '../helpers/until.ts';
import type { Stage } from './stage.ts';

/** After a boot that failed: long enough to count attempts by. */
export const DOWN_MS = 5_000;

/** Slots of the worker. */
export const SLOTS = 500;
/** Pushes under way at any time. */
const PUSHES = 200;
/** Each lane with a FETCH executing can lose the job that Faktory has popped and not yet reserved; a worker's most. */
export const FETCH_LANES = 8;
/** Pushes sent again, jobs run whose ACK was not answered, jobs given out and not run: no more can run twice. */
export const MOST_TWICE = PUSHES + SLOTS + SLOTS;

/** Pushes and runs as fast as it goes, makes the fault in the midst of it, and goes on until jobs run again. */
export async function underFullLoad(stage: Stage, fault: () => Promise<void>): Promise<void> {
  const { ledger } = stage;
  // A backlog, so that FETCHes are answered all the time rather than wait.
  await stage.push(15_000);
  // Not through the relay: it shares this process with the client.
  const worker = await stage.startWorker({ concurrency: SLOTS, url: stage.faktory.url });
  const load = stage.keepPushing({ inFlight: PUSHES, everyMs: 30 });
  await stage.untilEnded(ledger.int(2_000, 5_000));
  ledger.note('FETCHes out', await worker.metric('outstanding'));
  ledger.note('reports out', await worker.metric('unreported'));
  await fault();
  await stage.untilEnded(stage.ended + 1_000);
  await load.stop();
}

/** How often Faktory is killed in one test, so that a figure is more than a chance. */
export const KILLS = 3;

export async function killAndRestart({ faktory, ledger }: Stage): Promise<void> {
  await faktory.kill('SIGKILL');
  await faktory.restart();
  ledger.cleared();
}

/** KILLS times under full load. */
export async function killAgainAndAgain(stage: Stage): Promise<void> {
  for (let kill = 1; kill < KILLS; kill += 1) {
    await killAndRestart(stage);
    await stage.untilEnded(stage.ended + stage.ledger.int(1_000, 2_000));
  }
  await killAndRestart(stage);
}

/** With a thousand jobs that wait in a queue of their own, and none of them in a snapshot. */
export async function killRedisAndRestart(stage: Stage): Promise<void> {
  const { faktory, ledger } = stage;
  await stage.push(1_000, { queue: 'later' });
  process.kill(faktory.redisPid, 'SIGKILL');
  await faktory.restart();
  ledger.cleared();
}

/** Connects of each process while Faktory is away. */
export type Knocks = Readonly<Record<'worker' | 'client', number>>;

/**
 * SIGKILL of Faktory, started again at once as an eager supervisor does, which meets the old Redis and fails; then
 * again after a while, and again, until it boots.
 */
export async function restartedTooEarly(
  stage: Stage,
  relays: Record<'worker' | 'client', Relay>,
): Promise<Knocks> {
  const { faktory, ledger } = stage;
  await stage.startWorker({ concurrency: 100, url: relays.worker.url });
  // What Redis has to store before it ends: 60 MB that cannot be compressed.
  const pad = randomBytes(15_000).toString('base64');
  await stage.push(3_000, { queue: 'later', args: [{ pad }] });
  const load = stage.keepPushing({ inFlight: 20, everyMs: 10 });
  await stage.untilEnded(500);

  await faktory.kill('SIGKILL');
  let failed = 0;
  // Whether it meets the old Redis is a race: the next kill may show it.
  for (let tries = 0; tries < 5 && failed === 0; tries += 1) {
    if (await boots(faktory)) await faktory.kill('SIGKILL');
    else failed += 1;
  }
  ledger.note('exit code of a boot that failed', failed === 0 ? 'none did' : String(faktory.exited?.code));
  const before = { worker: relays.worker.accepted, client: relays.client.accepted };
  await pause(DOWN_MS);
  const knocks = {
    worker: relays.worker.accepted - before.worker,
    client: relays.client.accepted - before.client,
  };
  while (!(await boots(faktory))) failed += 1;
  ledger.cleared();
  await stage.untilEnded(stage.ended + 100);
  await load.stop();
  ledger.note('boots that failed', failed);
  ledger.note(`connects of the worker in ${DOWN_MS / 1_000} s`, knocks.worker);
  ledger.note('of the client', knocks.client);
  return knocks;
}

/** Starts it, and tells whether it comes up rather than ends because of the old one's Redis. */
async function boots(faktory: RealFaktory): Promise<boolean> {
  await faktory.restart({ afterRedis: false });
  await until(async () => faktory.exited !== undefined || (await answersHi(faktory)), {
    timeoutMs: 30_000,
    everyMs: 20,
  });
  return faktory.exited === undefined;
}
