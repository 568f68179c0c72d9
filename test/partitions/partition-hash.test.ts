import { describe, expect, it } from 'vitest';
import { partitionOf } from '../../src/partitions/partition-hash.ts';

describe('the hash of a key', () => {
  // Made with Python: int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], 'big') % partitions
  it.each([
    ['', 16, 2],
    ['a', 16, 2],
    ['+5511999990000', 16, 4],
    ['+5511999990000', 64, 4],
    ['+5511999990000', 8, 4],
    ['pedido-42', 10, 5],
    ['ação', 16, 15],
    ['日本', 4096, 3852],
    ['🚚', 64, 51],
  ] as const)('of %j into %i partitions is %i', (key, partitions, partition) => {
    expect(partitionOf(key, partitions)).toBe(partition);
  });

  it('puts everything into one partition, where there is one', () => {
    for (const key of ['', 'a', 'b']) expect(partitionOf(key, 1)).toBe(0);
  });

  it('spreads keys that differ in their end only evenly', () => {
    const counts = new Array<number>(16).fill(0);
    for (let i = 0; i < 16_000; i += 1) counts[partitionOf(`+55119${10_000_000 + i}`, 16)]! += 1;
    // Six standard deviations of 1,000.
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(190);
  });
});
