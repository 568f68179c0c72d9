/** The program of the API that is started where no URL is given. */
import { type RunningApi, startApi } from '../api/index.ts';
import { serve } from '../bench/serve.ts';
import type { Reach } from '../bench/worker-order.ts';
import { Client, type ClientOptions } from '../client/client.ts';

export interface ApiOrder {
  readonly reach: Reach;
  /** As the settings have it. */
  readonly pushing: ClientOptions;
  readonly token: string;
}

let running: RunningApi | undefined;

/** Its URL. All but `pushing` is as it is by default: what the environment says of an API is of another one. */
async function start({ reach, pushing, token }: ApiOrder): Promise<string> {
  const client = await new Client({ ...pushing, ...reach, logger: false }).connect();
  running = await startApi({
    client,
    host: '127.0.0.1',
    port: 0,
    token,
    allowed: {},
    hosts: [],
    origins: [],
    rateLimit: 0,
    idempotency: { redisUrl: undefined },
    logger: false,
  });
  return running.url;
}

serve({ start, memory: () => process.memoryUsage.rss() });
