/** BEAT: a worker says that it lives, and is told when it should be quiet or stop. */
import { bulkReply, errorReply, OK_REPLY } from '../../protocol/replies.ts';
import { asInteger, asString, JsonError, parseFields } from '../job/json-decode.ts';
import { type Command, required } from './command.ts';

export const beat: Command = ({ workers }, payload) => {
  const text = required(payload);
  let wid: string;
  let state: string;
  try {
    const fields = parseFields(text, 'server.ClientBeat');
    wid = asString(fields.get('wid') ?? '', 'wid');
    state = asString(fields.get('current_state') ?? '', 'current_state');
    asInteger(fields.get('rss_kb') ?? 0, 'rss_kb', 'int64');
  } catch (error) {
    if (error instanceof JsonError) return errorReply(`invalid BEAT ${text}`);
    throw error;
  }
  const worker = workers.get(wid);
  if (worker === undefined) return errorReply(`unknown worker ${wid}`);
  workers.beat(worker);
  workers.advance(worker, state);
  return worker.state === 'running' ? OK_REPLY : bulkReply(`{"state":"${worker.state}"}`);
};
