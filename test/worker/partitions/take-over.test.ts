import { describe, expect, it } from 'vitest';
import type { EmbeddedFaktory } from '../../../src/embedded/index.ts';
import { partitionQueue } from '../../../src/partitions/layout.ts';
import { partitionOf } from '../../../src/partitions/partition-hash.ts';
import { RawClient } from '../../helpers/raw-client.ts';
import { until } from '../../helpers/until.ts';
import { keysOf, type PartitionStage, QUEUE, setPartitionStage } from './stage.ts';

/** Says HELLO. */
async function connectRaw({ url }: EmbeddedFaktory): Promise<RawClient> {
  const { hostname, port } = new URL(url);
  const raw = await RawClient.connect({ host: hostname, port: Number(port) });
  await raw.reply();
  expect(await raw.ask('HELLO {"v":2}')).toBe('+OK\r\n');
  return raw;
}

async function ownerOf(stage: PartitionStage, partition: number): Promise<string | undefined> {
  return (await stage.coordinator.status())!.each[partition]!.owner;
}

/** Another owner has it, until the returned function is called. */
async function takeAway(
  stage: PartitionStage,
  partition: number,
  fence: number,
): Promise<() => Promise<unknown>> {
  const owner = (await ownerOf(stage, partition))!;
  await stage.coordinator.release({ partition, owner, fence });
  const stolen = (await stage.coordinator.acquire(partition, 'another'))!;
  return () => stage.coordinator.release(stolen);
}

/** Gives the event loop back only after so long. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('a partition that is taken', () => {
  it('from an owner that died: the FETCHes that it left waiting are called back, as many as its note says', async () => {
    await using stage = await setPartitionStage({ count: 1, leaseTtlMs: 1_000 });
    await using left = await connectRaw(stage.faktory);
    const wakeQueue = 'millrace-wake.99';
    const lease = (await stage.coordinator.acquire(0, 'dead'))!;
    await stage.coordinator.renew('dead', [{ ...lease, note: `${wakeQueue} 2` }]);
    const seen: string[] = [];
    const worker = stage.worker().register('run', (name: string) => void seen.push(name));
    await worker.work();
    const tokens: string[] = [];
    const isCalledBack = async (): Promise<boolean> => {
      const reply = await left.ask(`FETCH ${wakeQueue}`);
      if (reply.includes('"jid"')) tokens.push(reply);
      return tokens.length === 2;
    };
    await until(isCalledBack, { timeoutMs: 15_000, what: () => `two tokens, got ${tokens}` });
    for (const token of tokens) expect(token).toContain('"jobtype":"millrace-wake"');
    await stage.push([{ key: 'k', args: ['its job'] }]);
    await until(() => seen.length === 1 && stage.faktory.counts().queues[wakeQueue] === 0);
  });

  it('again while a handler from before runs on: nothing starts beside it', async () => {
    await using stage = await setPartitionStage({ count: 2, leaseTtlMs: 1_000 });
    const [a, b] = keysOf(2) as [string, string];
    const seen: string[] = [];
    let isOpen = false;
    let giveBack: (() => Promise<unknown>) | undefined;
    const worker = stage.worker().handle('run', async (ctx, name: string) => {
      seen.push(`${name} starts`);
      if (name !== 'deaf' || giveBack !== undefined) return;
      giveBack = await takeAway(stage, ctx.partition!.number, ctx.partition!.fence);
      await until(() => isOpen, { timeoutMs: 15_000 });
      seen.push('deaf ends');
    });
    await stage.push([{ key: a, args: ['deaf'] }]);
    await worker.work();
    await until(() => giveBack !== undefined && worker.stats().partitions!.owned === 1);
    await giveBack!();
    const partition = partitionOf(a, 2);
    await until(async () => (await ownerOf(stage, partition)) !== undefined, { timeoutMs: 15_000 });
    // Without a number it would start at once.
    await stage.client.push({ jobtype: 'run', queue: partitionQueue(QUEUE, partition), args: ['next'] });
    for (let i = 0; i < 5; i += 1) {
      await stage.push([{ key: b, args: [`other ${i}`] }]);
      await until(() => seen.includes(`other ${i} starts`));
    }
    expect(seen).not.toContain('next starts');
    isOpen = true;
    await until(() => seen.includes('next starts'));
    expect(seen.indexOf('next starts')).toBeGreaterThan(seen.indexOf('deaf ends'));
  });
});

describe('a worker that a handler has blocked for longer than its lease', () => {
  it('starts nothing more by it, neither what waits for its turn nor what waits for a slot', async () => {
    await using stage = await setPartitionStage({ count: 2, leaseTtlMs: 1_000 });
    const [a, b] = keysOf(2) as [string, string];
    const fences = new Map<number, number>();
    const seen: { name: string; isNewer: boolean }[] = [];
    let isBlocked = false;
    const worker = stage.worker({ concurrency: 1 }).handle('run', async (ctx, name: string) => {
      const { number, fence } = ctx.partition!;
      if (!isBlocked) fences.set(number, fence);
      seen.push({ name, isNewer: isBlocked && fence > (fences.get(number) ?? Number.POSITIVE_INFINITY) });
      if (name !== 'blocks' || isBlocked) return;
      await until(() => worker.stats().partitions!.held === 2 && worker.stats().ready === 1);
      isBlocked = true;
      block(1_200);
    });
    await stage.push([{ key: b, args: ['before'] }]);
    await worker.work();
    await until(() => seen.length === 1);
    // Of the blocked partition, which have other keys, and of the other one, where one waits for the slot.
    const c = keysLike(a);
    await stage.push([
      { key: a, args: ['blocks'] },
      { key: c, args: ['next'] },
      { key: b, args: ['beside'] },
      { key: b, args: ['last'] },
    ]);
    await until(() =>
      ['blocks', 'next', 'beside', 'last'].every((each) =>
        seen.some(({ name, isNewer }) => isNewer && name === each),
      ),
    );
    expect(seen.slice(0, 2).map(({ name }) => name)).toEqual(['before', 'blocks']);
    expect(seen.slice(2).filter(({ isNewer }) => !isNewer)).toEqual([]);
    await until(() => stage.left === 0);
  });
});

/** Another key of the same partition, of two. */
function keysLike(key: string): string {
  for (let i = 0; ; i += 1) if (partitionOf(`other ${i}`, 2) === partitionOf(key, 2)) return `other ${i}`;
}
