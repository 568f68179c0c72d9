import type { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { ApiContext } from '../context.ts';
import type { Form } from './opening.ts';

export interface BulkOptions {
  readonly context: ApiContext;
  readonly reply: FastifyReply;
  readonly body: Readable;
  /** The form that the content type demands. */
  readonly form: Form | undefined;
  /** The answer leaves out the jobs that are stored. */
  readonly onlyFailed: boolean;
}
