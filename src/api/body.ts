/** Reads bodies: JSON, whatever the content type says (curl -d says it sends a form). */
import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { depthFaultOf, faultOf, type TextFault } from './json-text.ts';
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
  refuseFault(depthFaultOf(text));
  const value = parse(text, what);
  refuseFault(faultOf(text));
  return value;
}

function refuseFault(fault: TextFault | undefined): void {
  if (fault === undefined) return;
  throw new Problem('BODY_INVALID', { message: `${fault.path}: ${fault.message}`, faults: [fault] });
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // Not the parser's own words: they quote the body, which is nobody's business but the sender's.
    throw new Problem('BODY_INVALID', { message: `${what} is not JSON${whereOf(cause as Error)}`, cause });
  }
}

/** As far as the parser tells it: of a text that holds what is no JSON, it names the character and no position. */
function whereOf({ message }: Error): string {
  const [, at] = /position (\d+)/.exec(message) ?? [];
  if (at !== undefined) return `: at character ${Number(at) + 1}`;
  if (message.startsWith('Unexpected end')) return ': it ends too early';
  const [, character] = /^Unexpected token '(.)'/su.exec(message) ?? [];
  return character === undefined ? '' : `: ${JSON.stringify(character)} is not expected where it stands`;
}

/** Windows' editors begin files with a byte order mark. */
function withoutMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}
