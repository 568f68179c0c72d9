/** Cuts a byte stream into whole messages, whatever the chunks. Bytes are kept exactly: joined they are the input. */
export interface FrameSplitter {
  /** The messages that this chunk completes. */
  split(chunk: Buffer): Buffer[];
  /** What is left of a message that was never completed. */
  rest(): Buffer;
}

/** Commands, client to Faktory: one a line. */
export class LineSplitter implements FrameSplitter {
  #held: Buffer = Buffer.alloc(0);

  split(chunk: Buffer): Buffer[] {
    const cut = cutFrames(this.#held, chunk, endOfLine);
    this.#held = cut.rest;
    return cut.frames;
  }

  rest(): Buffer {
    return this.#held;
  }
}

/** Replies, Faktory to client: simple strings, errors and integers are a line, a bulk string is its length and body. */
export class ReplySplitter implements FrameSplitter {
  #held: Buffer = Buffer.alloc(0);

  split(chunk: Buffer): Buffer[] {
    const cut = cutFrames(this.#held, chunk, endOfReply);
    this.#held = cut.rest;
    return cut.frames;
  }

  rest(): Buffer {
    return this.#held;
  }
}

const DOLLAR = '$'.charCodeAt(0);

function endOfLine(bytes: Buffer, from: number): number {
  return bytes.indexOf('\n', from) + 1;
}

function endOfReply(bytes: Buffer, from: number): number {
  const line = endOfLine(bytes, from);
  if (line === 0 || bytes[from] !== DOLLAR) return line;
  const length = Number.parseInt(bytes.toString('latin1', from + 1, line), 10);
  const end = length < 0 ? line : line + length + 2;
  return end <= bytes.length ? end : 0;
}

/** `endOf` tells where the frame that begins at `from` ends, 0 when it is not all there. */
function cutFrames(
  held: Buffer,
  chunk: Buffer,
  endOf: (bytes: Buffer, from: number) => number,
): { frames: Buffer[]; rest: Buffer } {
  const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
  const frames: Buffer[] = [];
  let from = 0;
  while (from < bytes.length) {
    const end = endOf(bytes, from);
    if (end === 0) break;
    frames.push(bytes.subarray(from, end));
    from = end;
  }
  return { frames, rest: bytes.subarray(from) };
}
