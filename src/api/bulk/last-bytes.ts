/**
 * What to do about a client that has its answer, or nearly, and still sends: a connection that is closed over bytes
 * that nobody has read is reset, and with that the end of the answer may be lost.
 */
import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** How long it may go on. */
const LAST_BYTES_MS = 2_000;

/** Calls `then` when the body, which is thrown away, is over, or has taken too long to be. */
export function afterBody(body: Readable, then: () => void): void {
  if (body.readableEnded || body.destroyed) return then();
  const settle = (): void => {
    clearTimeout(limit);
    body.off('end', settle);
    body.off('close', settle);
    then();
  };
  const limit = setTimeout(settle, LAST_BYTES_MS);
  body.on('end', settle);
  body.on('close', settle);
}

/** A hook (onResponse): cuts a client that was answered before it had sent all, and does not end. */
export function endUnread({ raw }: FastifyRequest, _reply: FastifyReply, done: () => void): void {
  if (!raw.complete) {
    // With its socket, if it has not ended by then.
    setTimeout(() => raw.destroy(), LAST_BYTES_MS).unref();
  }
  done();
}
