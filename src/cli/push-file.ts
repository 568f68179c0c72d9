/** `millrace push --file`: the file, its progress, its end. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Client } from '../client/client.ts';
import { isMillraceError, MillraceError, messageOf } from '../errors.ts';
import { readLines } from './file-lines.ts';
import { type JobExtras, jobOfLine } from './job-input.ts';
import { Progress } from './progress.ts';
import { pushLines, type Totals } from './push-lines.ts';

export interface PushFileOptions {
  client: Client;
  /** `-` is standard input. */
  file: string;
  /** Of every line, which are then arguments; without it each line is a whole job. */
  jobtype: string | undefined;
  extras: JobExtras;
  chunkSize: number;
}

/** Pushes a file and prints what became of it; the exit code is 1 if any line failed. Throws what ends it early. */
export async function pushFile({ client, file, jobtype, extras, chunkSize }: PushFileOptions): Promise<void> {
  const { pieces, size } = await openFile(file);
  const totals: Totals = { pushed: 0, failed: 0 };
  let bytes = 0;
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const piece of pieces) {
      bytes += piece.length;
      yield piece;
    }
  }
  const progress = new Progress(() => ({ ...totals, part: size === undefined ? undefined : bytes / size }));
  try {
    await pushLines({
      lines: readLines(counted()),
      toJob: (text) => jobOfLine(text, jobtype, extras),
      push: (job) => client.push(job),
      chunkSize,
      onFailed: (line, error) => progress.tell(`line ${line}: ${error.message}`),
      totals,
    });
  } catch (cause) {
    const code = isMillraceError(cause, 'REDIS_UNAVAILABLE', 'PARTITION_LAYOUT')
      ? cause.code
      : 'FAKTORY_UNREACHABLE';
    throw new MillraceError(code, `gave up, lines are left: ${messageOf(cause)}`, { cause });
  } finally {
    progress.end();
  }
  if (totals.failed > 0) process.exitCode = 1;
}

async function openFile(file: string): Promise<{ pieces: AsyncIterable<Buffer>; size: number | undefined }> {
  if (file === '-') return { pieces: process.stdin, size: undefined };
  try {
    const found = await stat(file);
    if (found.isDirectory()) throw new Error('it is a folder');
    return { pieces: createReadStream(file), size: found.isFile() ? found.size : undefined };
  } catch (cause) {
    throw new MillraceError(
      'CONFIG_INVALID',
      `--file is "${file}", which cannot be read: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
}
