#!/usr/bin/env node
/** `millrace`: reads .env, runs the subcommand, and tells what goes wrong in one line. */
import { readDotenv } from './dotenv.ts';
import { tellFailure } from './failure.ts';
import { createProgram } from './program.ts';

try {
  readDotenv();
  await createProgram().parseAsync();
} catch (error) {
  tellFailure(error);
  process.exit(1);
}
