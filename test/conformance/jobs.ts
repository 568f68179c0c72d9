import type { Talk } from './raw-client.ts';

/** A job as it is delivered, as far as the suite looks. */
export interface Delivered {
  jid: string;
  queue: string;
  jobtype: string;
  args: unknown[];
  retry: number;
  at?: string;
  created_at: string;
  enqueued_at?: string;
  failure?: {
    failed_at: string;
    next_at?: string;
    message: string;
    errtype: string;
    backtrace?: string[];
    retry_count: number;
    remaining: number;
  };
}

export interface Info {
  faktory: {
    queues: Record<string, number>;
    sets: Record<'dead' | 'retries' | 'scheduled' | 'working', number>;
    tasks: Record<string, Record<string, number>>;
    total_failures: number;
    total_processed: number;
    total_enqueued: number;
    total_queues: number;
  };
  server: Record<string, unknown>;
  now: string;
  server_utc_time: string;
}

let last = 0;

/** A jid that no other case has. */
export function newJid(): string {
  last += 1;
  return `jid-${String(last).padStart(8, '0')}`;
}

/** A queue that no other case has. */
export function newQueue(): string {
  last += 1;
  return `queue-${last}`;
}

/** The JSON of a job: a good one, but for what is said. An undefined field is left out. */
export function job(fields: Record<string, unknown> = {}): string {
  return JSON.stringify({ jid: newJid(), jobtype: 'suite', args: [], retry: 25, ...fields });
}

/** Pushes jobs and sees that all are stored. PUSHB, since PUSH changes the default `retry` of the real server. */
export async function store(talk: Talk, ...jobs: string[]): Promise<void> {
  const reply = await talk.ask(`PUSHB [${jobs.join(',')}]`);
  if (reply !== 'bulk {}') throw new Error(`PUSHB was answered ${reply}`);
}

/** Pushes a job and fetches it: it is now held. */
export async function hold(talk: Talk, fields: Record<string, unknown> = {}): Promise<Delivered> {
  const { queue = newQueue() } = fields;
  await store(talk, job({ ...fields, queue }));
  return talk.json<Delivered>(`FETCH ${queue}`);
}

export const info = (talk: Talk): Promise<Info> => talk.json<Info>('INFO');

/** Sizes of the sets. */
export async function sets(talk: Talk): Promise<Info['faktory']['sets']> {
  return (await info(talk)).faktory.sets;
}

/** A moment in the year 2099, so that it stays in Scheduled. */
export const FUTURE = '2099-01-01T00:00:00Z';

/** RFC 3339, UTC. */
export const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** Fetches every job that is left in the queue, one after another. */
export async function fetchAll(talk: Talk, queue: string): Promise<Delivered[]> {
  const { queues } = (await info(talk)).faktory;
  const jobs: Delivered[] = [];
  for (let left = queues[queue] ?? 0; left > 0; left--)
    jobs.push(await talk.json<Delivered>(`FETCH ${queue}`));
  return jobs;
}
