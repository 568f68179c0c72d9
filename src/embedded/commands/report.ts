/** ACK and FAIL: workers report what became of their jobs. */
import { errorReply, OK_REPLY } from '../../protocol/replies.ts';
import { asString, asStrings, JsonError, parseFields, parseJson } from '../job/json-decode.ts';
import { type Command, required } from './command.ts';

/** `ACK {"jid":"…"}` as nearly every client writes it is read without a JSON parser. */
const HEAD = '{"jid":"';
const TAIL = '"}';

export const ack: Command = ({ store }, payload) => {
  const text = required(payload);
  const jid = plainJid(text) ?? parsedJid(text);
  if (jid === undefined) return errorReply(`invalid ACK ${text}`);
  store.ack(jid);
  return OK_REPLY;
};

function plainJid(text: string): string | undefined {
  const end = text.length - TAIL.length;
  if (!text.startsWith(HEAD) || text.indexOf('"', HEAD.length) !== end || !text.endsWith(TAIL))
    return undefined;
  return text.includes('\\') ? undefined : text.slice(HEAD.length, end);
}

/** All values must be strings, whatever their keys, and "jid" must be one of them. */
function parsedJid(text: string): string | undefined {
  let fields: unknown;
  try {
    fields = parseJson(text);
  } catch {
    return undefined;
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields) || !Object.hasOwn(fields, 'jid'))
    return undefined;
  const values = Object.values(fields);
  if (!values.every((value) => typeof value === 'string' || value === null)) return undefined;
  return (fields as { jid: string | null }).jid ?? '';
}

export const fail: Command = ({ store, faults }, payload) => {
  const text = required(payload);
  let jid: string;
  let known: boolean;
  try {
    const fields = parseFields(text, 'manager.FailPayload');
    jid = asString(fields.get('jid') ?? '', 'jid');
    const report = {
      errtype: asString(fields.get('errtype') ?? '', 'errtype'),
      message: asString(fields.get('message') ?? '', 'message'),
      backtrace: asStrings(fields.get('backtrace') ?? [], 'backtrace'),
    };
    if (jid === '') return errorReply('missing JID');
    if (faults.quirks.lostFail === true && store.working.release(jid) !== undefined)
      return errorReply('context deadline exceeded');
    known = store.fail(jid, report);
  } catch (error) {
    if (error instanceof JsonError) return errorReply(`invalid FAIL ${text}`);
    throw error;
  }
  return known ? OK_REPLY : errorReply(`Job not found ${jid}`);
};
