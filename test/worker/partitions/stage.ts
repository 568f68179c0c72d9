/** Keyed jobs, stamped by hand, and workers that own partitions: on the embedded Faktory, coordinated in memory. */
import { Client } from '../../../src/client/client.ts';
import { type EmbeddedFaktory, startEmbeddedFaktory } from '../../../src/embedded/index.ts';
import { partitionQueue } from '../../../src/partitions/layout.ts';
import { type Coordinators, memoryCoordinators } from '../../../src/partitions/open.ts';
import { partitionOf } from '../../../src/partitions/partition-hash.ts';
import { type Stamp, withStamp } from '../../../src/partitions/stamp.ts';
import { encodeJob, type JobInput } from '../../../src/protocol/job.ts';
import type { WorkerOptions } from '../../../src/worker/options.ts';
import type { WorkerPartitionsOptions } from '../../../src/worker/partitions/options.ts';
import { Worker } from '../../../src/worker/worker.ts';

export const QUEUE = 'orders';

export interface KeyedJob extends Omit<Partial<JobInput>, 'jobtype'> {
  readonly key: string;
}

export class PartitionStage implements AsyncDisposable {
  readonly faktory: EmbeddedFaktory;
  readonly client: Client;
  readonly coordinators: Coordinators;
  readonly count: number;
  readonly workers: Worker[] = [];

  constructor(faktory: EmbeddedFaktory, count: number, leaseTtlMs: number) {
    this.faktory = faktory;
    this.count = count;
    this.coordinators = memoryCoordinators({ count, leaseTtlMs });
    this.client = new Client({ url: faktory.url, logger: false });
  }

  /** Not started yet. */
  worker({
    partitions = {},
    ...options
  }: Omit<WorkerOptions, 'partitions'> & { partitions?: WorkerPartitionsOptions } = {}): Worker {
    const { coordinators, count } = this;
    const worker = new Worker({
      url: this.faktory.url,
      logger: false,
      trapSignals: false,
      queues: [QUEUE],
      ...options,
      partitions: { count, perPod: count, coordinators, ...partitions },
    });
    this.workers.push(worker);
    return worker;
  }

  get coordinator() {
    return this.coordinators.of(QUEUE);
  }

  /** In this order; each is given its number, and then pushed with the others at once. Returns their stamps. */
  async push(jobs: readonly KeyedJob[]): Promise<Stamp[]> {
    const stamped = await this.stamp(jobs);
    await this.store(stamped.map(({ job }) => job));
    return stamped.map(({ stamp }) => stamp);
  }

  /** As they are: the Client would take a place in the order, which is not its own, out of them. */
  async store(jobs: readonly JobInput[]): Promise<void> {
    const encoded = jobs.map((job) => encodeJob(job, { retry: 25, reserveFor: 1_800 }).json);
    await this.client.send(['PUSHB', `[${encoded.join()}]`]);
  }

  /** Numbered, and not pushed. */
  async stamp(jobs: readonly KeyedJob[]): Promise<{ job: JobInput; stamp: Stamp; partition: number }[]> {
    const stamped = [];
    for (const { key, ...job } of jobs) {
      const partition = partitionOf(key, this.count);
      await this.coordinator.begin([partition]);
      const [numbers] = await this.coordinator.numbers([{ partition, count: 1 }]);
      const stamp = { number: numbers!.first, epoch: numbers!.epoch, key };
      const custom = withStamp(job.custom, stamp);
      const queue = partitionQueue(QUEUE, partition);
      stamped.push({ stamp, partition, job: { jobtype: 'run', args: [], ...job, queue, custom } });
    }
    return stamped;
  }

  /** Jobs that Faktory holds in queues and Working. */
  get left(): number {
    const { queues, working } = this.faktory.counts();
    const own = Object.entries(queues).filter(([name]) => name.startsWith(QUEUE));
    return own.reduce((sum, [, size]) => sum + size, working);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop()));
    await this.client.close();
    await this.faktory.stop();
  }
}

export async function setPartitionStage({ count = 2, leaseTtlMs = 3_000 } = {}): Promise<PartitionStage> {
  return new PartitionStage(await startEmbeddedFaktory(), count, leaseTtlMs);
}

/** Keys that fall into different partitions, as many as there are. */
export function keysOf(count: number): string[] {
  const keys: string[] = [];
  for (let i = 0; keys.filter((key) => key !== undefined).length < count; i += 1)
    keys[partitionOf(`key ${i}`, count)] ??= `key ${i}`;
  return keys;
}
