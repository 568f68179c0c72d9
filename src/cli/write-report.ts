import { writeFile } from 'node:fs/promises';
import { messageOf } from '../errors.ts';

/** Writes a file of figures. That it cannot be written is told, and the exit code is 1. */
export async function writeReport(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
    console.error(`wrote ${file}`);
  } catch (error) {
    // The table has been printed: it is not lost with the file.
    console.error(`millrace: ${messageOf(error)}`);
    process.exitCode = 1;
  }
}
