/** Keeps what partitions need in this process: for one process, in development and in tests. */
import {
  type Acquired,
  type Ask,
  beingDrained,
  type Checkpointed,
  type Coordinator,
  type CoordinatorStatus,
  type Epoch,
  type Lease,
  type Member,
  type Numbers,
  numbersLost,
  otherLayout,
  type PartitionStatus,
  type Place,
  type Renewal,
  type Survey,
} from './coordinator.ts';
import { addRange, before, countNumbers, NO_RANGES, type Range, type Ranges } from './ranges.ts';

export interface MemoryCoordinatorOptions {
  queue: string;
  partitions: number;
  ttlMs: number;
  /** In ms; never goes back (default: `performance.now()`, as ms since 1970). */
  now?: () => number;
}

interface PartitionRecord {
  epochs: Epoch[];
  last: number;
  place: Place | undefined;
  voids: Map<number, Ranges>;
  owner: string | undefined;
  note: string;
  fence: number;
  /** When the lease ends, or ended. */
  ends: number;
}

export class MemoryCoordinator implements Coordinator {
  readonly queue: string;
  readonly ttlMs: number;
  readonly partitions: number;
  readonly #now: () => number;
  readonly #records: PartitionRecord[];
  readonly #members = new Map<string, { member: Member; ends: number }>();
  #drainingSince: number | undefined;

  constructor({ queue, partitions, ttlMs, now }: MemoryCoordinatorOptions) {
    this.queue = queue;
    this.partitions = partitions;
    this.ttlMs = ttlMs;
    this.#now = now ?? (() => performance.timeOrigin + performance.now());
    this.#records = Array.from({ length: partitions }, () => ({
      epochs: [],
      last: 0,
      place: undefined,
      voids: new Map(),
      owner: undefined,
      note: '',
      fence: 0,
      ends: this.#now(),
    }));
  }

  /** It is what it was made with. */
  async agree(): Promise<void> {}

  async numbers(asks: readonly Ask[]): Promise<readonly Numbers[]> {
    if (this.#drainingSince !== undefined) throw beingDrained(this.queue, this.partitions);
    for (const { partition } of asks) {
      if (this.#record(partition).epochs.length === 0) throw numbersLost(this.queue, partition);
    }
    return asks.map(({ partition, count }) => {
      const record = this.#record(partition);
      const first = record.last + 1;
      record.last += count;
      return { partition, count, first, epoch: record.epochs.at(-1)!.epoch };
    });
  }

  declareVoid(partition: number, epoch: number, range: Range): void {
    const { voids } = this.#record(partition);
    voids.set(epoch, addRange(voids.get(epoch) ?? NO_RANGES, range));
  }

  async told(): Promise<void> {}

  async voids(partition: number): Promise<ReadonlyMap<number, Ranges>> {
    return new Map(this.#record(partition).voids);
  }

  async begin(partitions: readonly number[]): Promise<void> {
    for (const partition of partitions) {
      const record = this.#record(partition);
      if (record.epochs.length > 0) continue;
      record.epochs = [{ epoch: Math.floor(this.#now()), first: record.last + 1 }];
      record.place ??= { ...record.epochs[0]!, next: record.last + 1, open: NO_RANGES };
    }
  }

  async epochs(partition: number): Promise<readonly Epoch[]> {
    return this.#record(partition).epochs;
  }

  async look(member?: Member): Promise<Survey> {
    const now = this.#now();
    for (const [owner, { ends }] of this.#members) if (ends <= now) this.#members.delete(owner);
    if (member !== undefined) this.#members.set(member.owner, { member, ends: now + this.ttlMs });
    const living = this.#records.filter(({ ends }) => ends > now);
    return {
      members: [...this.#members.values()].map((each) => each.member),
      free: this.#records.flatMap(({ ends }, partition) =>
        ends > now ? [] : [{ partition, forMs: now - ends }],
      ),
      nextLapseMs: living.length === 0 ? undefined : Math.min(...living.map(({ ends }) => ends)) - now,
      calmMs: 0,
    };
  }

  async leave(owner: string): Promise<void> {
    this.#members.delete(owner);
  }

  async acquire(partition: number, owner: string): Promise<Acquired | undefined> {
    const record = this.#record(partition);
    const now = this.#now();
    if (record.ends > now && record.owner !== owner) return undefined;
    const { owner: before, note, place, epochs } = record;
    record.fence = Math.max(record.fence + 1, Math.floor(now));
    record.owner = owner;
    record.note = '';
    record.ends = now + this.ttlMs;
    const predecessor = before === undefined || before === owner ? undefined : { owner: before, note };
    return { partition, owner, fence: record.fence, place, epochs, predecessor };
  }

  async renew(owner: string, leases: readonly Renewal[]): Promise<readonly boolean[]> {
    return leases.map((lease) => {
      if (!this.#holds({ ...lease, owner })) return false;
      const record = this.#record(lease.partition);
      record.note = lease.note;
      record.ends = this.#now() + this.ttlMs;
      return true;
    });
  }

  async checkpoint(lease: Lease, place: Place): Promise<Checkpointed> {
    if (!this.#holds(lease)) return 'fenced';
    const record = this.#record(lease.partition);
    const stored = record.place;
    if (stored !== undefined && (place.epoch - stored.epoch || place.next - stored.next) < 0) return 'stored';
    record.place = place;
    for (const [epoch, ranges] of record.voids) {
      const left = epoch < place.epoch ? [] : ranges.filter(([, last]) => last >= place.next);
      if (left.length === 0) record.voids.delete(epoch);
      else record.voids.set(epoch, left);
    }
    return 'stored';
  }

  async release(lease: Lease): Promise<boolean> {
    if (!this.#holds(lease)) return false;
    const record = this.#record(lease.partition);
    record.owner = undefined;
    record.note = '';
    record.ends = Math.min(record.ends, this.#now());
    return true;
  }

  async status(): Promise<CoordinatorStatus> {
    const now = this.#now();
    const { members } = await this.look();
    const each = this.#records.map((record, partition): PartitionStatus => {
      const lives = record.ends > now;
      return {
        partition,
        owner: lives ? record.owner : undefined,
        fence: record.fence || undefined,
        leftMs: lives ? record.ends - now : undefined,
        ownerlessMs: lives ? undefined : now - record.ends,
        place: record.place,
        last: record.epochs.length === 0 ? undefined : record.last,
        undone: undoneOf(record),
      };
    });
    const since = this.#drainingSince;
    const drainingMs = since === undefined ? undefined : now - since;
    return { partitions: this.partitions, members, each, calmMs: 0, drainingMs };
  }

  async drain(isOn: boolean): Promise<boolean> {
    this.#drainingSince = isOn ? (this.#drainingSince ?? this.#now()) : undefined;
    return true;
  }

  async skipMissing(partitions: readonly number[]): Promise<readonly boolean[]> {
    return partitions.map((partition) => {
      const record = this.#record(partition);
      const { last, place, epochs, ends } = record;
      const isFree = this.#drainingSince !== undefined && ends <= this.#now();
      if (!isFree || place === undefined || epochs.length === 0 || place.next > last) return false;
      record.owner = undefined;
      record.note = '';
      record.fence += 1;
      record.place = { ...epochs.at(-1)!, next: last + 1, open: addRange(place.open, [place.next, last]) };
      return true;
    });
  }

  close(): void {}

  #record(partition: number): PartitionRecord {
    const record = this.#records[partition];
    if (record === undefined) throw otherLayout(this.queue, partition + 1, this.partitions, undefined);
    return record;
  }

  /** A lease that has lapsed still holds while nobody else took the partition. */
  #holds({ partition, owner, fence }: Lease): boolean {
    const record = this.#record(partition);
    return record.owner === owner && record.fence === fence;
  }
}

/** It has one epoch: nothing makes it forget. */
function undoneOf({ epochs, last, place, voids }: PartitionRecord): number | undefined {
  if (epochs.length === 0) return undefined;
  const next = place?.next ?? 1;
  const given = before(voids.get(epochs.at(-1)!.epoch) ?? NO_RANGES, last + 1);
  const passed = before(given, next);
  return Math.max(0, last + 1 - next - (countNumbers(given) - countNumbers(passed)));
}
