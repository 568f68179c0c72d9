import { ConnectionBudget } from '../../src/connection/budget.ts';
import { Lanes } from '../../src/connection/lanes.ts';
import { MillraceError } from '../../src/errors.ts';
import { type EncodedJob, encodeJob } from '../../src/protocol/job.ts';
import { Pusher, type PusherOptions } from '../../src/pushing/pusher.ts';
import { bulk, jidsOf, type Peer, type Script } from '../connection/peer.ts';
import { until } from '../helpers/until.ts';

export const DEFAULTS = { retry: 25, reserveFor: 1_800 };
export const jid = (k: number): string => `jid-${String(k).padStart(6, '0')}`;
export const job = (k: number, args: unknown[] = []): EncodedJob =>
  encodeJob({ jid: jid(k), jobtype: 'test', args }, DEFAULTS);
export const jobs = (count: number, from = 0): EncodedJob[] =>
  Array.from({ length: count }, (_, k) => job(from + k));
export const jids = (count: number, from = 0): string[] => jobs(count, from).map((one) => one.jid);
export const refusing = (map: Record<string, string>): string => bulk(JSON.stringify(map));
export const silent: Script = () => undefined;

/** A pusher on lanes of its own, as Client and Worker have one. */
export class Pushing implements Disposable {
  readonly lanes: Lanes;
  readonly pusher: Pusher;

  constructor(address: Peer['address'], options: Partial<PusherOptions> = {}) {
    this.lanes = new Lanes({
      address,
      hello: { v: 2, hostname: 'test' },
      budget: new ConnectionBudget(64),
      deadlineMs: 9_000,
      onReady: () => this.pusher.pump(),
    });
    this.pusher = new Pusher(this.lanes, { maxLanes: 1, ...options });
  }

  push(...which: EncodedJob[]): Promise<string>[] {
    return which.map((one) => this.pusher.push(one));
  }

  [Symbol.dispose](): void {
    this.lanes.destroy();
    this.pusher.abandon(new MillraceError('CLOSED'));
  }
}

/** One with its first lane open, so that a push leaves in its own tick. */
export async function pushing(peer: Peer, options: Partial<PusherOptions> = {}, lanes = 1): Promise<Pushing> {
  const it = new Pushing(peer.address, options);
  it.lanes.want(lanes);
  await until(() => it.lanes.ready.length === lanes);
  return it;
}

/** What became of each: its jid, or the code of its error. */
export async function outcomes(promises: Promise<string>[]): Promise<string[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((each) => (each.status === 'fulfilled' ? each.value : each.reason.code));
}

export const batches = (peer: Peer): string[][] => peer.commands.map(jidsOf);
