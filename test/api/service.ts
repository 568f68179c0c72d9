/** An API over an embedded Faktory in this process, and what the tests ask of both. */
import { Api, type ApiOptions } from '../../src/api/app.ts';
import { Client, type ClientOptions } from '../../src/client/client.ts';
import {
  type EmbeddedFaktory,
  type EmbeddedOptions,
  startEmbeddedFaktory,
} from '../../src/embedded/index.ts';
import type { JobPayload } from '../../src/protocol/job.ts';

export interface ServiceOptions {
  api?: Omit<ApiOptions, 'client'>;
  client?: ClientOptions;
  faktory?: EmbeddedOptions;
}

export class Service implements AsyncDisposable {
  readonly faktory: EmbeddedFaktory;
  readonly client: Client;
  readonly api: Api;

  private constructor(faktory: EmbeddedFaktory, client: Client, api: Api) {
    this.faktory = faktory;
    this.client = client;
    this.api = api;
  }

  /** All defaults are the API's own, whatever the environment of the tests says. */
  static async start(options: ServiceOptions = {}): Promise<Service> {
    const faktory = await startEmbeddedFaktory(options.faktory);
    const client = await new Client({ url: faktory.url, logger: false, ...options.client }).connect();
    const api = new Api({
      client,
      token: undefined,
      jobDefaults: { retry: 3, reserveFor: 1_800 },
      idempotency: { redisUrl: undefined },
      logger: false,
      ...options.api,
    });
    return new Service(faktory, client, api);
  }

  /** POST with the headers that `curl -d` sends, unless told otherwise. */
  post(url: string, payload?: string | Buffer, headers: Record<string, string> = FORM) {
    return this.api.app.inject({
      method: 'POST',
      url,
      headers,
      ...(payload === undefined ? {} : { payload }),
    });
  }

  get(url: string, headers: Record<string, string> = {}) {
    return this.api.app.inject({ method: 'GET', url, headers });
  }

  /** The next job of the queue `default`; null after two seconds without one. */
  async fetch(): Promise<JobPayload | null> {
    return JSON.parse(await this.client.send(['FETCH', 'default'])) as JobPayload | null;
  }

  /** The value of a metric's line, with its labels as they are printed. */
  async metric(line: string): Promise<number> {
    const { body } = await this.get('/metrics');
    const found = body.split('\n').find((each) => each.startsWith(`${line} `));
    return found === undefined ? 0 : Number(found.slice(line.length));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api.close();
    await this.faktory.stop();
    await this.client.close();
  }
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
