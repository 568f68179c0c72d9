/** The bounds of the HTTP server. Fastify's and Node's defaults leave most of them open. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyServerOptions } from 'fastify';
import type { Logger } from '../logger.ts';
import { mayBeAnswered } from './arrivals.ts';
import { type HttpProblemCode, rawAnswer, rawResponse } from './problem.ts';
import type { Refusals } from './refusals.ts';

const HEADERS_TIMEOUT_MS = 15_000;
/** How often Node looks for heads that are late. */
const HEADERS_CHECK_MS = 1_000;
/** Longer than load balancers keep theirs (60 s), so that it is not us who close under a request. */
const KEEP_ALIVE_MS = 72_000;
/** No byte either way for so long: the peer is gone. A push takes 30 s at most. */
const IDLE_SOCKET_MS = 75_000;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_CONNECTIONS = 10_000;
/** A jobtype has 256 characters at most, and each may be percent-encoded in up to 12. */
const MAX_PARAM_LENGTH = 4 * 1024;

export function serverLimits(bodyLimit: number) {
  return {
    logger: false,
    bodyLimit,
    // It would count for a bulk of an hour, too: bodies have a rule of their own (arrivals.ts).
    requestTimeout: 0,
    // None for handlers: all they wait for is the Client, which gives up by itself (30 s: the contract, then Faktory),
    // and a timer costs.
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
      connectionsCheckingInterval: HEADERS_CHECK_MS,
      insecureHTTPParser: false,
      // gate.ts looks: Node's own answer has no body.
      requireHostHeader: false,
    },
  } as const satisfies FastifyServerOptions & { http: object };
}

/** Bounds what Fastify has no option for. Connections beyond the most are closed as they come, counted and told. */
export function limitServer(app: FastifyInstance, refusals: Refusals): void {
  const { server } = app;
  server.maxConnections = MAX_CONNECTIONS;
  // Some clients end their side once they have sent their request (shutdown(SHUT_WR)): they get their answer all the
  // same, and then the connection ends. One that says nothing more is ended as any other (IDLE_SOCKET_MS).
  (server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
  server.on('drop', (dropped) => refusals.note('connections', dropped?.remoteAddress));
  // Both would be answered by Node, without a body, or not at all.
  server.on('checkExpectation', refuseExpectation);
  server.on('connect', (_request: IncomingMessage, socket: Socket) => {
    socket.on('error', () => {}).end(rawResponse('METHOD_NOT_ALLOWED'));
  });
}

/** Only 100-continue may be expected, and Node sees to that. */
function refuseExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const { status, headers, body } = rawAnswer('EXPECTATION_FAILED');
  response.writeHead(status, headers).end(body);
}

const CLIENT_ERRORS: Record<string, HttpProblemCode> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
};

/** What is not HTTP, or too slow, never becomes a request: the socket is answered and ended. */
export function clientErrorHandler(
  logger: Logger,
): (error: Error & { code?: string }, socket: Socket) => void {
  return (error, socket) => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return;
    const code = CLIENT_ERRORS[error.code ?? ''] ?? 'REQUEST_INVALID';
    logger.debug({ code, reason: error.code }, 'what came was no request');
    if (socket.writable && mayBeAnswered(socket)) socket.write(rawResponse(code));
    socket.destroy(error);
  };
}
