/** A job with a partition key, from what was pushed to the JSON that travels. Pure. */
import { partitionQueue } from '../partitions/layout.ts';
import { partitionOf } from '../partitions/partition-hash.ts';
import { keyOf, type Position, withKey, withStamp } from '../partitions/stamp.ts';
import { checkQueueName, encodeJob, FieldError, type JobDefaults, type JobInput } from '../protocol/job.ts';

const MOST_CHARACTERS = 512;
const LONGEST: Position = { number: Number.MAX_SAFE_INTEGER, epoch: Number.MAX_SAFE_INTEGER };

/** Of one partition, checked, and encoded up to its place in the order. */
export interface KeyedJob {
  readonly jid: string;
  /** The queue that is split. */
  readonly queue: string;
  readonly partition: number;
  /** Whether it has a place in the order of pushes; one with `at` comes when its time has come. */
  readonly isNumbered: boolean;
  /** In UTF-8, at most. */
  readonly bytes: number;
  /** As it travels. `position`: undefined for one that has none. */
  json(position: Position | undefined): string;
}

/** Throws JOB_INVALID. */
export function keyedJob(job: JobInput, key: unknown, partitions: number, defaults: JobDefaults): KeyedJob {
  const checked = checkKey(key);
  const queue = checkQueueName(splitQueueOf(job));
  const partition = partitionOf(checked, partitions);
  const travelling = { ...job, queue: partitionQueue(queue, partition) };
  const { jid, json } = encodeJob(travelling, defaults);
  // As it was when it was pushed, whatever becomes of the caller's object meanwhile.
  const custom = job.custom ? (JSON.parse(json) as JobInput).custom : undefined;
  const bare = custom ? encodeJob({ ...withoutCustom(travelling), jid }, defaults).json : json;
  const stamped = (position: Position | undefined): string => {
    const all =
      position === undefined
        ? withKey(custom, checked)
        : withStamp(custom, { epoch: position.epoch, number: position.number, key: checked });
    return `${bare.slice(0, -1)},"custom":${JSON.stringify(all)}}`;
  };
  return {
    jid,
    queue,
    partition,
    isNumbered: job.at === undefined,
    bytes: Buffer.byteLength(stamped(LONGEST)),
    json: stamped,
  };
}

/** The queue that is split: of a handler's own job, pushed again as it came, not its partition's. */
function splitQueueOf({ queue, custom }: JobInput): string {
  const name = queue || 'default';
  return keyOf(custom) === undefined ? name : name.replace(/\.(0|[1-9]\d*)$/, '');
}

function withoutCustom({ custom: _, ...job }: JobInput): JobInput {
  return job;
}

/** Returns the key, or throws JOB_INVALID. */
export function checkKey(key: unknown): string {
  if (typeof key === 'string' && key !== '' && isShort(key)) return key;
  const got = typeof key === 'string' ? `${key.length} characters long` : `of type ${typeof key}`;
  throw new FieldError('partitionKey', `is ${got}, it takes a text of 1 to ${MOST_CHARACTERS} characters`);
}

/** Characters as JSON Schema counts them: those beyond 16 bits are one, too. */
function isShort(key: string): boolean {
  if (key.length <= MOST_CHARACTERS) return true;
  return key.length <= 2 * MOST_CHARACTERS && [...key].length <= MOST_CHARACTERS;
}
