/** Clients of the API in an open loop: each job is posted when it is due, however the ones before it fare. */
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as pause, setImmediate as polled } from 'node:timers/promises';
import type { Answer } from './figures.ts';
import type { Posting } from './ledger.ts';

export interface LoadOptions {
  readonly port: number;
  /** Jobs a second. */
  readonly rate: number;
  readonly seconds: number;
}

/** What was answered, by request. */
export interface Counts {
  accepted: number;
  /** 503, or nobody listened: asked again later. */
  retried: number;
  /** 504: stored or not. */
  unknown: number;
  /** The connection ended before the answer: stored or not. */
  broken: number;
  /** Any other answer; no more is asked. */
  other: number;
}

const JOBTYPE = 'soak';
const TICK_MS = 1;
const ANSWER_LIMIT_MS = 40_000;
/** Where no Retry-After says when. */
const RETRY_AFTER_S = 1;
/** Not all at the same moment. */
const RETRY_JITTER_MS = 250;
/** Sockets of all clients together; who finds none free waits, and that counts. */
const MAX_SOCKETS = 1_500;

type Outcome =
  | { readonly kind: 'accepted'; readonly jid: string }
  | { readonly kind: 'retried'; readonly afterS: number }
  | { readonly kind: 'unknown' | 'broken' | 'other'; readonly why: string };

/** The clock of postings, answers and faults: on the wall, as handlers note it. */
export function wall(): number {
  return performance.timeOrigin + performance.now();
}

export class Load {
  readonly postings: Posting[] = [];
  readonly answers: Answer[] = [];
  readonly counts: Counts = { accepted: 0, retried: 0, unknown: 0, broken: 0, other: 0 };
  /** Answers that nobody expects, the first of them. */
  readonly oddities: string[] = [];
  /** When it started, and when its last posting was due. */
  startedAt = 0;
  endedAt = 0;
  /** How far behind the schedule a job was posted at most, because this process had no time. */
  mostBehindMs = 0;
  readonly #options: LoadOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS, maxFreeSockets: MAX_SOCKETS });

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  get open(): number {
    const { accepted, unknown, broken, other } = this.counts;
    return this.postings.length - accepted - unknown - broken - other;
  }

  /** Posts all, and resolves when each has its outcome. */
  async run(signal: AbortSignal): Promise<void> {
    const { rate, seconds } = this.#options;
    this.startedAt = wall();
    const under: Promise<void>[] = [];
    while (this.postings.length < rate * seconds && !signal.aborted) {
      const due = Math.min(rate * seconds, Math.floor(((wall() - this.startedAt) * rate) / 1_000));
      while (this.postings.length < due) {
        const id = this.postings.length;
        const posting: Posting = { id, state: 'open', requests: 0 };
        this.postings.push(posting);
        this.mostBehindMs = Math.max(this.mostBehindMs, wall() - this.startedAt - (id * 1_000) / rate);
        under.push(this.#post(posting, signal));
      }
      await pause(TICK_MS);
      // Timers run before sockets are read: what the API has closed meanwhile must not be taken for a free connection.
      await polled();
    }
    this.endedAt = wall();
    await Promise.all(under);
    this.#agent.destroy();
  }

  async #post(posting: Posting, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const at = wall();
      posting.requests += 1;
      const outcome = await this.#ask(posting.id);
      const now = wall();
      this.answers.push({ at, ms: now - at });
      this.counts[outcome.kind] += 1;
      switch (outcome.kind) {
        case 'accepted':
          posting.state = 'accepted';
          posting.jid = outcome.jid;
          posting.acceptedAt = now;
          return;
        case 'retried':
          await pause(outcome.afterS * 1_000 + Math.random() * RETRY_JITTER_MS);
          break;
        default:
          posting.state = outcome.kind === 'other' ? 'refused' : 'unknown';
          if (outcome.kind !== 'unknown' && this.oddities.length < 20) {
            this.oddities.push(`job ${posting.id} at ${new Date(now).toISOString()}: ${outcome.why}`);
          }
          return;
      }
    }
  }

  #ask(id: number): Promise<Outcome> {
    const body = JSON.stringify({ id });
    return new Promise((resolve) => {
      const asking = request(
        {
          host: '127.0.0.1',
          port: this.#options.port,
          path: `/jobs/${JOBTYPE}`,
          method: 'POST',
          agent: this.#agent,
          headers: { 'content-type': 'application/json', 'content-length': body.length },
          timeout: ANSWER_LIMIT_MS,
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('end', () => resolve(outcomeOf(response, text)));
          response.on('error', (error) => resolve({ kind: 'broken', why: String(error) }));
        },
      );
      asking.on('timeout', () => asking.destroy(new Error(`no answer within ${ANSWER_LIMIT_MS} ms`)));
      asking.on('error', (error: NodeJS.ErrnoException) => {
        // Nothing was sent, so nothing was stored.
        if (error.code === 'ECONNREFUSED') resolve({ kind: 'retried', afterS: RETRY_AFTER_S });
        else
          resolve({
            kind: 'broken',
            why: `${asking.reusedSocket ? 'kept connection' : 'new connection'}: ${error}`,
          });
      });
      asking.end(body);
    });
  }
}

function outcomeOf({ statusCode, headers }: IncomingMessage, text: string): Outcome {
  if (statusCode === 202) return { kind: 'accepted', jid: (JSON.parse(text) as { jid: string }).jid };
  if (statusCode === 503) return { kind: 'retried', afterS: Number(headers['retry-after'] ?? RETRY_AFTER_S) };
  const why = `${statusCode} ${text}`;
  return { kind: statusCode === 504 ? 'unknown' : 'other', why };
}
