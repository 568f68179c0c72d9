/** Jobs posted to an API over HTTP, each in the ledger, and what was answered. */
import { Agent, request } from 'node:http';
import { newJid } from '../../src/protocol/job.ts';
import type { Ledger } from './ledger.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
  readonly ms: number;
}

/** A client that keeps its connections, as programs do. */
export class HttpClient implements Disposable {
  readonly answers: HttpAnswer[] = [];
  readonly #url: string;
  readonly #ledger: Ledger;
  readonly #agent: Agent;
  readonly #headers: Record<string, string>;

  constructor(url: string, ledger: Ledger, headers: Record<string, string> = {}, maxSockets = 50) {
    this.#url = url;
    this.#ledger = ledger;
    this.#headers = headers;
    this.#agent = new Agent({ keepAlive: true, maxSockets });
  }

  /** Posts a job of the jobtype `run`, and writes down what becomes of it: of a cut connection nobody knows. */
  async push(): Promise<HttpAnswer | undefined> {
    const jid = newJid();
    const body = JSON.stringify({ jobtype: 'run', jid, reserveFor: 60 });
    let answer: HttpAnswer;
    try {
      answer = await this.ask('POST', '/jobs', body);
    } catch {
      this.#ledger.unknown(jid);
      return undefined;
    }
    this.answers.push(answer);
    if (answer.status === 202) this.#ledger.accepted(jid);
    else if (answer.status === 504) this.#ledger.unknown(jid);
    else this.#ledger.refused(jid);
    return answer;
  }

  ask(
    method: string,
    path: string,
    body?: string | Buffer,
    headers: Record<string, string> = {},
  ): Promise<HttpAnswer> {
    const began = performance.now();
    return new Promise((resolve, reject) => {
      const options = { method, agent: this.#agent, headers: { ...this.#headers, ...headers } };
      const asking = request(new URL(path, this.#url), options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        response.on('error', reject).on('end', () => {
          const { statusCode: status = 0, headers: heads } = response;
          resolve({ status, headers: heads, body: text, ms: performance.now() - began });
        });
      });
      asking.on('error', reject).end(body);
    });
  }

  /** How many answers had each status: `{ 202: 5 }`. */
  statuses(): Record<number, number> {
    const counts: Record<number, number> = {};
    for (const { status } of this.answers) counts[status] = (counts[status] ?? 0) + 1;
    return counts;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

/** Of figures, the one that 99 of 100 do not exceed. */
export function p99(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[Math.floor(figures.length * 0.99)] ?? Number.NaN;
}
