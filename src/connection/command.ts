import { MillraceError } from '../errors.ts';
import { ERROR, NULL, OVERSIZED } from '../protocol/resp.ts';
import type { Connection } from './connection.ts';

/**
 * Sends one command and resolves to the text of its reply (null for none). Rejects with COMMAND_REFUSED for an
 * error reply, CONNECTION_LOST when none came.
 */
export function request(connection: Connection, command: string): Promise<string | null> {
  return new Promise((resolve, reject) => {
    connection.send(command, {
      onReply(kind, text) {
        if (kind === ERROR) reject(refused(command, text));
        else if (kind === OVERSIZED)
          reject(new MillraceError('PROTOCOL_VIOLATION', 'the reply is too large'));
        else resolve(kind === NULL ? null : text);
      },
      onLost: reject,
    });
  });
}

function refused(command: string, text: string): MillraceError {
  // The verb only: the rest of the command may hold what must not be logged.
  return new MillraceError('COMMAND_REFUSED', `Faktory refused ${command.split(/[ \r]/, 1)[0]}: ${text}`);
}
