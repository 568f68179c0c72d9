/**
 * What the log of handlers proves of the order of keyed jobs; pure. A job may run again, never before those before it
 * have ended, nor after one behind it has started; and no owner starts a job after an owner of a greater fence has.
 */

export interface OrderRun {
  readonly what: 'start' | 'end';
  readonly id: string;
  /** By one clock of the machine, in ms. */
  readonly at: number;
  readonly pid: number;
  readonly key: string;
  /** The job's place among those of its key, from 0. */
  readonly index: number;
  readonly partition: number;
  readonly fence: number;
}

/** In the order in which they were written: each is one append to one file. */
export function parseRuns(text: string): OrderRun[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => {
    const [what, id, at, pid, key, index, partition, fence] = line.split(' ');
    return {
      what: what as OrderRun['what'],
      id: id!,
      at: Number(at),
      pid: Number(pid),
      key: key!,
      index: Number(index),
      partition: Number(partition),
      fence: Number(fence),
    };
  });
}

/** `stored`: by key, those that Faktory has taken for certain, rising. Says what is wrong, a line each. */
export function orderFaults(
  runs: readonly OrderRun[],
  stored: ReadonlyMap<string, readonly number[]>,
): string[] {
  const faults: string[] = [];
  const keys = new Map<string, { latest: number; ended: Set<number> }>();
  const fences = new Map<number, number>();
  for (const [at, { what, key, index, partition, fence }] of runs.entries()) {
    const of = keys.get(key) ?? { latest: -1, ended: new Set<number>() };
    keys.set(key, of);
    if (what === 'end') {
      of.ended.add(index);
      continue;
    }
    const line = `line ${at + 1}: ${key} ${index}`;
    const greatest = fences.get(partition) ?? 0;
    if (fence < greatest) faults.push(`${line} started by fence ${fence} after fence ${greatest}`);
    fences.set(partition, Math.max(greatest, fence));
    if (index < of.latest) faults.push(`${line} started after ${of.latest} had`);
    const before = (stored.get(key) ?? []).filter((each) => each < index && !of.ended.has(each));
    if (before.length > 0) faults.push(`${line} started before ${before.join(', ')} had ended`);
    of.latest = Math.max(of.latest, index);
  }
  for (const [key, indices] of stored) {
    const never = indices.filter((each) => !keys.get(key)?.ended.has(each));
    if (never.length > 0) faults.push(`${key}: never ended: ${never.join(', ')}`);
  }
  return faults;
}
