import { describe, expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { lookThrough, type QueueLook } from '../../src/client/queue-look.ts';
import { parseAddress } from '../../src/connection/address.ts';
import { ConnectionBudget } from '../../src/connection/budget.ts';
import { Lanes } from '../../src/connection/lanes.ts';
import { startFaktory } from '../../src/testing/index.ts';
import { bulk, OK, Peer } from '../connection/peer.ts';

async function looking(url: string, use: (look: QueueLook) => Promise<void>): Promise<void> {
  const address = parseAddress(url);
  const lanes = new Lanes({
    address,
    hello: { v: 2, hostname: 'test' },
    budget: new ConnectionBudget(4),
    deadlineMs: 9_000,
    onReady() {},
  });
  try {
    await use(lookThrough(lanes, address, 300));
  } finally {
    await lanes.close();
  }
}

describe('a look at queues', () => {
  it('finds those in which a job waits, at any time, and those that Faktory knows', async () => {
    await using faktory = await startFaktory();
    await using client = new Client({ url: faktory.url, logger: false });
    await client.push({ jobtype: 'a', queue: 'q.1' });
    await client.push({ jobtype: 'a', queue: 'q.2' });
    await client.send(['FETCH', 'q.2']);
    faktory.clock.advance(1_000);
    await looking(faktory.url, async (look) => {
      const many = Array.from({ length: 150 }, (_, i) => `q.${i}`);
      expect(await look.holding(many)).toEqual(new Set(['q.1']));
      expect([await look.knowsNone(['q.0', 'q.3']), await look.knowsNone(['q.0', 'q.2'])]).toEqual([
        true,
        false,
      ]);
      await client.push({ jobtype: 'a', queue: 'q.120' });
      faktory.clock.advance(1_000);
      expect(await look.holding(many)).toEqual(new Set(['q.1', 'q.120']));
    });
  });

  it('takes a queue for one that holds a job where Faktory cannot say how old that is', async () => {
    await using peer = await Peer.start((command) => {
      if (!command.startsWith('QUEUE LATENCY ')) return OK;
      const names = command.slice('QUEUE LATENCY '.length).split(' ');
      if (names.includes('odd')) return '-ERR parsing time "" as "2006"\r\n';
      return bulk(JSON.stringify(Object.fromEntries(names.map((name) => [name, name === 'old' ? 0.5 : 0]))));
    });
    await looking(`tcp://127.0.0.1:${peer.address.port}`, async (look) => {
      expect(await look.holding(['a', 'odd', 'old'])).toEqual(new Set(['odd', 'old']));
    });
  });

  it('rejects while Faktory cannot be reached', async () => {
    await looking('tcp://127.0.0.1:1', async (look) => {
      const unreachable = expect.objectContaining({ code: 'FAKTORY_UNREACHABLE' });
      await expect(look.holding(['a'])).rejects.toEqual(unreachable);
      await expect(look.knowsNone(['a'])).rejects.toEqual(unreachable);
    });
  });
});
