/** Reads what the scripts of redis-scripts.ts answer. Pure. */
import type { Epoch, Member, PartitionStatus, Place } from './coordinator.ts';
import { addRange, NO_RANGES, parseRanges, type Ranges } from './ranges.ts';

export function inGroups(values: readonly string[], size: number): string[][] {
  return Array.from({ length: values.length / size }, (_, i) => values.slice(i * size, (i + 1) * size));
}

export function parseMembers(values: readonly string[]): Member[] {
  return inGroups(values, 3).map(([owner, count, most]) => ({
    owner: owner!,
    count: Number(count),
    most: Number(most),
  }));
}

export function parseEpochs(text: string): Epoch[] {
  if (text === '') return [];
  return text.split(',').map((part) => {
    const [epoch, first] = part.split(':').map(Number);
    return { epoch: epoch!, first: first! };
  });
}

export function parsePlace([epoch, first, next, open]: readonly string[]): Place | undefined {
  if (epoch === '') return undefined;
  return { epoch: Number(epoch), first: Number(first), next: Number(next), open: parseRanges(open ?? '') };
}

export function parseStatus(
  [left, undone, owner, fence, last, ...place]: readonly string[],
  partition: number,
): PartitionStatus {
  const leftMs = Number(left || 0);
  const lives = leftMs > 0 && owner !== '';
  return {
    partition,
    owner: lives ? owner : undefined,
    fence: fence === '' ? undefined : Number(fence),
    leftMs: lives ? leftMs : undefined,
    ownerlessMs: lives ? undefined : Math.max(0, -leftMs),
    place: parsePlace(place),
    last: last === '' ? undefined : Number(last),
    undone: undone === '' ? undefined : Number(undone),
  };
}

/** Of entries such as `1760000000000:5-9`. */
export function parseVoids(entries: readonly string[]): Map<number, Ranges> {
  const voids = new Map<number, Ranges>();
  for (const entry of entries) {
    const [epoch, first, last] = entry.split(/[:-]/).map(Number);
    voids.set(epoch!, addRange(voids.get(epoch!) ?? NO_RANGES, [first!, last!]));
  }
  return voids;
}
