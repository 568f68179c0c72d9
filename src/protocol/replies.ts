/** Writer of Faktory's replies: each returns one whole reply, ready for the socket. */

export const OK_REPLY = '+OK\r\n';

/** What a FETCH gets that found nothing in its two seconds. */
export const NULL_REPLY = '$-1\r\n';

export const simpleReply = (text: string): string => `+${oneLine(text)}\r\n`;

/** Line ends in the text would make a second reply of it, and shift all that follow: they become spaces. */
export const errorReply = (text: string): string => `-ERR ${oneLine(text)}\r\n`;

/** `bytes` is the length of the text in UTF-8, for callers that know it. */
export const bulkReply = (text: string, bytes: number = Buffer.byteLength(text)): string =>
  `$${bytes}\r\n${text}\r\n`;

function oneLine(text: string): string {
  return /[\r\n]/.test(text) ? text.replace(/[\r\n]+/g, ' ') : text;
}
