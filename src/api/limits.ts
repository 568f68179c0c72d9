/** The bounds of the HTTP server. Fastify's and Node's defaults leave most of them open. */
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyServerOptions } from 'fastify';
import { rawResponse } from './problem.ts';

/** A request must have arrived whole by then; its head earlier. */
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 15_000;
/** Longer than load balancers keep theirs (60 s), so that it is not us who close under a request. */
const KEEP_ALIVE_MS = 72_000;
/** No byte either way for so long: the peer is gone. A push takes 20 s at most. */
const IDLE_SOCKET_MS = 75_000;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_CONNECTIONS = 10_000;
/** A jobtype has 256 characters at most, and each may be percent-encoded in up to 12. */
const MAX_PARAM_LENGTH = 4 * 1024;

export function serverLimits(bodyLimit: number) {
  return {
    logger: false,
    bodyLimit,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionTimeout: IDLE_SOCKET_MS,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    trustProxy: false,
    requestIdHeader: false,
    // While it closes, requests get our own answer, not Fastify's.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      connectionsCheckingInterval: 5_000,
    },
    clientErrorHandler: onClientError,
  } as const satisfies FastifyServerOptions & { http: object };
}

export function limitConnections(app: FastifyInstance): void {
  app.server.maxConnections = MAX_CONNECTIONS;
}

const CLIENT_ERRORS: Record<string, Parameters<typeof rawResponse>[0]> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
};

/** What is not HTTP, or too slow, never becomes a request: the socket is answered and ended. */
function onClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (socket.writable) socket.write(rawResponse(CLIENT_ERRORS[error.code ?? ''] ?? 'REQUEST_INVALID'));
  socket.destroy(error);
}
