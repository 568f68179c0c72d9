/**
 * What the log of handlers proves of the order of keyed jobs; pure.
 *
 * - A job starts only when those before it of its key have ended, and never after one behind it has started. An end that
 *   an owner logs after one with a greater fence has started a job does not count: nothing that it says is stored.
 * - Fences only rise, and each has one owner.
 * - A partition runs one job at a time. Another may start beside one only where that one's signal has aborted, or its
 *   process is dead or stands still, so that it cannot have heard.
 * - Who stood still for longer than a lease starts nothing more by a fence that it had before.
 * - Every job ends once at least.
 *
 * Numbers that an owner went on without are forgiven to their own jobs, from then on, if it waited as long as it says
 * it does.
 */
import type { OrderLine, OrderRun, Standstill } from './order-log.ts';

/** What an owner says of numbers that it went on without. */
export interface Skip {
  readonly at: number;
  readonly partition: number;
  readonly epoch: number;
  readonly first: number;
  readonly last: number;
  readonly waitedMs: number;
}

export interface OrderFacts {
  /** By key: those that Faktory has taken for certain, rising. */
  readonly stored: ReadonlyMap<string, readonly number[]>;
  readonly ttlMs: number;
  readonly skips?: readonly Skip[];
  /** How long a number is waited for at least. */
  readonly gapWaitMs?: number;
}

/** Clocks are read a moment before or after what they are read for. */
const SLACK_MS = 250;

/** Says what is wrong, a line each. */
export function orderFaults(lines: readonly OrderLine[], facts: OrderFacts): string[] {
  return new OrderCheck(lines, facts).faults();
}

/** Those that are stored and have not ended: `key index`. */
export function unended(lines: readonly OrderLine[], facts: OrderFacts): string[] {
  return new OrderCheck(lines, facts).unended();
}

interface OfPartition {
  fence: number;
  /** By fence. */
  readonly owners: Map<number, number>;
  /** Runs that have not ended, by process and run. */
  readonly open: Map<string, OrderRun>;
}

interface OfKey {
  latest: number;
  readonly ended: Set<number>;
  /** All before it have ended, among the stored. */
  passed: number;
}

class OrderCheck {
  readonly #lines: readonly OrderLine[];
  readonly #facts: OrderFacts;
  readonly #faults: string[] = [];
  readonly #partitions = new Map<number, OfPartition>();
  readonly #keys = new Map<string, OfKey>();
  readonly #deaths = new Map<number, number>();
  readonly #stills = new Map<number, Standstill[]>();
  /** When a process first started a job by a fence: `pid partition fence`. */
  readonly #hadSince = new Map<string, number>();
  /** Of jobs that were skipped, by `key index`. */
  readonly #skippedAt = new Map<string, number>();

  constructor(lines: readonly OrderLine[], facts: OrderFacts) {
    this.#lines = lines;
    this.#facts = facts;
    for (const line of lines) {
      if (line.what === 'dead') this.#deaths.set(line.pid, line.at);
      else if (line.what === 'still')
        this.#stills.set(line.pid, [...(this.#stills.get(line.pid) ?? []), line]);
    }
    this.#placeSkips();
    for (const [at, line] of lines.entries()) {
      if (line.what === 'start') this.#onStart(line, `line ${at + 1}: ${describe(line)}`);
      else if (line.what !== 'dead' && line.what !== 'still') this.#onOver(line);
    }
  }

  faults(): string[] {
    const never = this.unended();
    return [...this.#faults, ...(never.length > 0 ? [`never ended: ${never.join(', ')}`] : [])];
  }

  unended(): string[] {
    const never: string[] = [];
    for (const [key, indices] of this.#facts.stored)
      for (const index of indices) if (!this.#keys.get(key)?.ended.has(index)) never.push(`${key} ${index}`);
    return never;
  }

  /** The jobs of the numbers that owners went on without. */
  #placeSkips(): void {
    const { skips = [], gapWaitMs = 0 } = this.#facts;
    for (const { partition, first, last, waitedMs } of skips)
      if (waitedMs < gapWaitMs)
        this.#faults.push(`partition ${partition} went on without ${first} to ${last} after ${waitedMs} ms`);
    if (skips.length === 0) return;
    for (const line of this.#lines) {
      if (line.what !== 'start') continue;
      const skip = skips.find((each) => isOf(each, line));
      if (skip !== undefined) this.#skippedAt.set(jobOf(line), skip.at);
    }
  }

  #isSkipped(key: string, index: number, now: number): boolean {
    const at = this.#skippedAt.get(`${key} ${index}`);
    return at !== undefined && at <= now;
  }

  #partition(number: number): OfPartition {
    const known = this.#partitions.get(number);
    if (known !== undefined) return known;
    const partition = { fence: 0, owners: new Map(), open: new Map() };
    this.#partitions.set(number, partition);
    return partition;
  }

  #key(key: string): OfKey {
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    const of = { latest: -1, ended: new Set<number>(), passed: 0 };
    this.#keys.set(key, of);
    return of;
  }

  #onStart(run: OrderRun, line: string): void {
    const partition = this.#partition(run.partition);
    this.#checkFence(run, line, partition);
    this.#checkOverlap(run, line, partition);
    this.#checkStandstill(run, line);
    this.#checkKey(run, line);
    partition.fence = Math.max(partition.fence, run.fence);
    partition.open.set(runOf(run), run);
  }

  #checkFence({ fence, pid }: OrderRun, line: string, partition: OfPartition): void {
    if (fence < partition.fence)
      this.#faults.push(`${line} started by fence ${fence} after fence ${partition.fence}`);
    const owner = partition.owners.get(fence);
    if (owner !== undefined && owner !== pid)
      this.#faults.push(`${line} started by fence ${fence}, which process ${owner} has`);
    partition.owners.set(fence, owner ?? pid);
  }

  #checkOverlap(run: OrderRun, line: string, { open }: OfPartition): void {
    for (const [id, other] of open) {
      // Told once.
      open.delete(id);
      const mayBe = other.fence < run.fence && !this.#canHear(other.pid, run.at);
      if (!mayBe) this.#faults.push(`${line} started while ${describe(other)} ran`);
    }
  }

  /** Whether a process can have heard by then that its lease is over. */
  #canHear(pid: number, now: number): boolean {
    if (now >= (this.#deaths.get(pid) ?? Number.POSITIVE_INFINITY)) return false;
    const stills = this.#stills.get(pid) ?? [];
    return !stills.some(({ from, at }) => from <= now && now <= at + SLACK_MS);
  }

  #checkStandstill(run: OrderRun, line: string): void {
    const id = `${run.pid} ${run.partition} ${run.fence}`;
    const since = this.#hadSince.get(id);
    if (since === undefined) return void this.#hadSince.set(id, run.at);
    const longMs = this.#facts.ttlMs + SLACK_MS;
    const stills = this.#stills.get(run.pid) ?? [];
    const still = stills.find(({ from, at }) => since < from && at - from > longMs && run.at > from + longMs);
    if (still === undefined) return;
    const stillMs = still.at - still.from;
    this.#faults.push(`${line} started by a fence from before its process stood still for ${stillMs} ms`);
  }

  #checkKey({ key, index, at }: OrderRun, line: string): void {
    const of = this.#key(key);
    if (index < of.latest && !this.#isSkipped(key, index, at))
      this.#faults.push(`${line} started after ${of.latest} had`);
    const stored = this.#facts.stored.get(key) ?? [];
    while (of.passed < stored.length && of.ended.has(stored[of.passed]!)) of.passed += 1;
    const before: number[] = [];
    for (let i = of.passed; i < stored.length && stored[i]! < index; i += 1)
      if (!of.ended.has(stored[i]!) && !this.#isSkipped(key, stored[i]!, at)) before.push(stored[i]!);
    if (before.length > 0) this.#faults.push(`${line} started before ${before.join(', ')} had ended`);
    of.latest = Math.max(of.latest, index);
  }

  #onOver(run: OrderRun): void {
    const partition = this.#partition(run.partition);
    partition.open.delete(runOf(run));
    if (run.what === 'end' && run.fence >= partition.fence) this.#key(run.key).ended.add(run.index);
  }
}

const jobOf = ({ key, index }: OrderRun): string => `${key} ${index}`;
const runOf = ({ pid, run }: OrderRun): string => `${pid} ${run}`;
const describe = (run: OrderRun): string =>
  `${jobOf(run)} (partition ${run.partition}, number ${run.number}, fence ${run.fence}, process ${run.pid}, try ${run.attempt})`;

function isOf({ partition, epoch, first, last }: Skip, run: OrderRun): boolean {
  const isIn = partition === run.partition && epoch === run.epoch;
  return isIn && first <= run.number && run.number <= last;
}
