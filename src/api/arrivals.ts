/**
 * How long a body may take to arrive. Node's own requestTimeout counts for all requests alike, so it would cut a bulk
 * of an hour; a timer for each request would cost every one of them. Here a request leaves a mark on its socket, and
 * once a second all sockets are looked at.
 */
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem, sendProblem } from './problem.ts';

/** From the head of a request to the end of its body. */
const BODY_LIMIT_MS = 30_000;
const SWEEP_MS = 1_000;

/** The request that a socket is bringing, if it may still be on its way. */
const CURRENT = Symbol('current');
/** That very one was seen to be unfinished, and when first. */
const SEEN = Symbol('seen');
/** That very one may take its time. */
const UNHURRIED = Symbol('unhurried');

interface Watched extends Socket {
  [CURRENT]?: FastifyReply | undefined;
  [SEEN]?: { readonly reply: FastifyReply; readonly since: number } | undefined;
  [UNHURRIED]?: FastifyReply | undefined;
}

/** For tests: how long a body may take, and how often it looks. */
export interface ArrivalsOptions {
  limitMs?: number;
  everyMs?: number;
}

/** Has `app` answer 408 to whoever takes too long to send a body, and cut the connection. */
export function limitArrivals(
  app: FastifyInstance,
  { limitMs = BODY_LIMIT_MS, everyMs = SWEEP_MS }: ArrivalsOptions = {},
): void {
  const sockets = new Set<Watched>();
  let sweep: NodeJS.Timeout | undefined;
  app.server.on('connection', (socket: Watched) => {
    // Made here, so that all sockets have the same shape.
    socket[CURRENT] = undefined;
    socket[SEEN] = undefined;
    socket[UNHURRIED] = undefined;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    sweep ??= setInterval(() => sweepSockets(sockets, performance.now(), limitMs), everyMs).unref();
  });
  app.addHook('onClose', (_app, done) => {
    clearInterval(sweep);
    done();
  });
}

/** Its body is awaited from now on. */
export function awaitBody({ raw }: FastifyRequest, reply: FastifyReply): void {
  (raw.socket as Watched)[CURRENT] = reply;
}

/** A hook (onRequest) of routes that have a rule of their own for how fast a body must come. */
export function takeItsTime({ raw }: FastifyRequest, reply: FastifyReply, done: () => void): void {
  (raw.socket as Watched)[UNHURRIED] = reply;
  done();
}

/**
 * Whether bytes written to the socket now would be taken for the answer to what came last. Not while an earlier request
 * waits for its own answer, nor where that has left and the rest of the request is still coming.
 */
export function mayBeAnswered(socket: Socket): boolean {
  const reply = (socket as Watched)[CURRENT];
  if (reply === undefined) return true;
  return reply.request.raw.complete ? reply.raw.writableFinished : !hasBegun(reply);
}

/** Whether its answer has, at least in part, left. (Fastify's `sent` is about its end, or that a route has taken it over.) */
function hasBegun(reply: FastifyReply): boolean {
  return reply.sent || reply.raw.headersSent;
}

function sweepSockets(sockets: Iterable<Watched>, now: number, limitMs: number): void {
  for (const socket of sockets) {
    const reply = socket[CURRENT];
    if (reply === undefined) continue;
    if (reply.request.raw.complete) {
      // Not kept: its body would be, too, for as long as the connection is.
      if (reply.raw.writableFinished) forget(socket);
    } else if (socket[UNHURRIED] === reply) continue;
    else if (socket[SEEN]?.reply !== reply) socket[SEEN] = { reply, since: now };
    else if (now - socket[SEEN].since >= limitMs) cut(socket, reply);
  }
}

function forget(socket: Watched): void {
  socket[CURRENT] = undefined;
  socket[SEEN] = undefined;
  socket[UNHURRIED] = undefined;
}

function cut(socket: Watched, reply: FastifyReply): void {
  if (hasBegun(reply)) {
    // What it still sends is of no use to anyone.
    socket.destroy();
    return;
  }
  forget(socket);
  // Node ends the connection once the answer has left.
  reply.header('connection', 'close');
  sendProblem(reply, new Problem('REQUEST_TIMEOUT'));
}
