/** Reads bodies: JSON, whatever the content type says (curl -d says it sends a form). */
import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { Problem } from './problem.ts';

/** Has `app` read every body as JSON; none at all is undefined. Keys such as `__proto__` are refused. */
export function readBodiesAsJson(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('*', { parseAs: 'buffer' }, (request, body, done) => {
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') done(new Problem('ENCODING_UNSUPPORTED'));
    else if (body.length === 0) done(null, undefined);
    else if (!isUtf8(body)) done(new Problem('BODY_INVALID', { message: 'the body is not UTF-8' }));
    else parseJson(request, body.toString('utf8'), done);
  });
}

/** A job's arguments: an object is the one argument, an array holds them all, none and null mean none. */
export function argsOf(body: unknown): unknown[] {
  if (body === undefined || body === null) return [];
  if (Array.isArray(body)) return body;
  if (typeof body === 'object') return [body];
  throw new Problem('BODY_INVALID', {
    message: `the body is a ${typeof body}, it takes an object (the one argument) or an array (all of them)`,
  });
}
