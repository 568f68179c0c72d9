/** Reads bodies: JSON, whatever the content type says (curl -d says it sends a form). */
import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { faultOf } from './json-text.ts';
import { Problem } from './problem.ts';

/**
 * Has `app` read every body as JSON; none at all is undefined. Not as Fastify's parser of a content type does: after
 * an error of such a one Fastify ends the connection, and the client has sent all of its request.
 */
export function readBodiesAsJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.addHook('preValidation', (request, _reply, done) => {
    const { body } = request;
    if (!Buffer.isBuffer(body)) return done();
    try {
      refuseEncoding(request.headers['content-encoding']);
      request.body = body.length === 0 ? undefined : parseJson(body);
      done();
    } catch (problem) {
      done(problem as Problem);
    }
  });
}

/** Throws ENCODING_UNSUPPORTED. */
export function refuseEncoding(encoding: string | undefined): void {
  if (encoding !== undefined && encoding !== 'identity') throw new Problem('ENCODING_UNSUPPORTED');
}

/** Throws BODY_INVALID, with the path where the text is JSON that cannot be kept as it is (json-text.ts). */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new Problem('BODY_INVALID', { message: 'the body is not UTF-8' });
  return parseText(bytes.toString('utf8'), 'the body');
}

/** The same of a text, which messages call `what`. */
export function parseText(marked: string, what: string): unknown {
  const text = withoutMark(marked);
  const value = parse(text, what);
  const fault = faultOf(text);
  if (fault === undefined) return value;
  throw new Problem('BODY_INVALID', { message: `${fault.path}: ${fault.message}`, faults: [fault] });
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // Not the parser's own words: they quote the body, which is nobody's business but the sender's.
    const at = /position (\d+)/.exec((cause as Error).message)?.[1];
    const where = at === undefined ? 'it ends too early' : `at character ${Number(at) + 1}`;
    throw new Problem('BODY_INVALID', { message: `${what} is not JSON: ${where}`, cause });
  }
}

/** Windows' editors begin files with a byte order mark. */
function withoutMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}
