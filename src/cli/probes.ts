/**
 * METRICS_PORT: what others may ask of a process that serves no API. Node's own HTTP server, so that a worker does
 * not load the API's.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { MillraceError, messageOf } from '../errors.ts';

export interface ProbesOptions {
  host: string;
  port: number;
  registry: Registry;
  /** Why the process is not ready, if it is not. */
  notReady: () => string | undefined;
}

export interface Probes {
  readonly url: string;
  close(): Promise<void>;
}

/** GET /health (it lives), /ready (it works, or 503 and why not), /metrics (Prometheus). Throws PORT_TAKEN. */
export async function startProbes({ host, port, registry, notReady }: ProbesOptions): Promise<Probes> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return answer(response, 405, { error: 'GET only' });
    switch (request.url) {
      case '/health':
        return answer(response, 200, { status: 'ok' });
      case '/ready': {
        const reason = notReady();
        return reason === undefined
          ? answer(response, 200, { status: 'ready' })
          : answer(response, 503, { error: reason });
      }
      case '/metrics':
        return void sendMetrics(response, registry);
      default:
        return answer(response, 404, { error: 'there are /health, /ready and /metrics' });
    }
  });
  server.requestTimeout = 5_000;
  server.maxConnections = 100;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(cannotListen(host, port, cause)));
    server.listen(port, host, resolve);
  });
  const { port: listening } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${listening}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

async function sendMetrics(response: ServerResponse, registry: Registry): Promise<void> {
  try {
    const text = await registry.metrics();
    response.writeHead(200, { 'content-type': registry.contentType }).end(text);
  } catch (error) {
    answer(response, 500, { error: messageOf(error) });
  }
}

function cannotListen(host: string, port: number, cause: NodeJS.ErrnoException): MillraceError {
  if (cause.code === 'EADDRINUSE') {
    const text = `port ${port} of ${host} is taken: end what listens there, or set METRICS_PORT to another`;
    return new MillraceError('PORT_TAKEN', text, { cause });
  }
  const text = `METRICS_PORT is "${port}" on METRICS_HOST "${host}", which cannot be listened on: ${cause.message}`;
  return new MillraceError('CONFIG_INVALID', text, { cause });
}
