import { describe, expect, it } from 'vitest';
import { ConnectionBudget } from '../../../src/connection/budget.ts';
import type { Pusher } from '../../../src/pushing/pusher.ts';
import { Credits } from '../../../src/worker/credits.ts';
import type { OwnedPartition } from '../../../src/worker/partitions/owned-partition.ts';
import { PartitionLanes } from '../../../src/worker/partitions/partition-lanes.ts';
import { WakeNames } from '../../../src/worker/wake.ts';
import { Peer, type PeerLink } from '../../connection/peer.ts';
import { until } from '../../helpers/until.ts';

const NOTHING = '$-1\r\n';

/** What the lanes know of a partition: it has room for more jobs than lanes ask for. */
function partitionNamed(name: string): OwnedPartition {
  return { name, window: 1_000, held: 0, lease: { note: '' } } as unknown as OwnedPartition;
}

/** Keeps FETCHes unanswered, by link, and says which queue was named on two links at once. */
class FetchPeer {
  readonly #out = new Map<PeerLink, string[][]>();
  readonly twice: string[] = [];

  onCommand(command: string, link: PeerLink): undefined {
    const [, , ...queues] = command.split(' ');
    for (const [other, fetches] of this.#out)
      for (const named of other === link ? [] : fetches)
        this.twice.push(...queues.filter((each) => named.includes(each)));
    this.#out.set(link, [...(this.#out.get(link) ?? []), queues]);
  }

  answer(link: PeerLink): void {
    const fetches = this.#out.get(link) ?? [];
    this.#out.delete(link);
    for (const _ of fetches) link.say(NOTHING);
  }

  namedOn(link: PeerLink): string[] {
    return [...new Set((this.#out.get(link) ?? []).flat())].sort();
  }
}

describe('the lanes of partitions', () => {
  it('share them out anew when there is one more, and name none on two at once', async () => {
    const fetches = new FetchPeer();
    await using peer = await Peer.start((command, link) => fetches.onCommand(command, link));
    const lanes = new PartitionLanes({
      lanes: {
        address: peer.address,
        hello: { v: 2, hostname: 'test' },
        budget: new ConnectionBudget(8),
        deadlineMs: 60_000,
      },
      maxLanes: 2,
      pusher: { push: async () => {} } as unknown as Pusher,
      names: new WakeNames(0),
      credits: new Credits(),
      isFull: () => false,
      roundTripMs: () => 1_000,
      onReply: () => {},
      onStranded: () => {},
      onBack: () => {},
      onJob: () => {},
      onToken: () => {},
      onUnreadable: () => {},
      onBytes: () => {},
      onRefused: () => {},
    });
    try {
      for (const number of [0, 1, 2, 3]) lanes.add(partitionNamed(`orders.${number}`));
      const first = await peer.link(0);
      // They are all on the first lane while it is the only one; two move to the second as soon as that is there.
      await until(() => fetches.namedOn(first).length === 4);
      await until(() => lanes.laneCount === 2);
      const second = await peer.link(1);
      const all = (): string[] => [...fetches.namedOn(first), ...fetches.namedOn(second)].sort();
      for (let round = 0; round < 3; round += 1) {
        for (const link of [first, second]) fetches.answer(link);
        await until(() => all().length >= 4);
      }
      expect(fetches.twice).toEqual([]);
      expect(fetches.namedOn(first)).toHaveLength(2);
      expect(fetches.namedOn(second)).toHaveLength(2);
    } finally {
      lanes.destroy();
    }
  });
});
