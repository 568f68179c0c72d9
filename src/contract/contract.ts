/**
 * The job contract: which jobs there are, what their args must be, and how they travel. One list for those who push,
 * those who run, and the API between; the compiler holds all of them to it, and bad payloads are refused before they
 * are sent and again before they run. Validators are any that speak Standard Schema (zod, valibot, arktype …).
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { MillraceError, messageOf } from '../errors.ts';
import { checkJobtype, checkQueueName, type JobInput } from '../protocol/job.ts';

/** One kind of job. */
export interface JobDefinition {
  /** A schema of the array of args, for instance `z.tuple([z.object({ a: z.number() })])`; may be asynchronous. */
  // biome-ignore lint/suspicious/noExplicitAny: the schema's own types say what the args are.
  args?: StandardSchemaV1<any, readonly any[]>;
  /**
   * A schema of what its handler returns, where that goes to a reducer (`reduceTo`): it types the reducer's results, and a
   * result that does not fit fails its job. It checks only, and must not be asynchronous.
   */
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  result?: StandardSchemaV1<any, any>;
  /** Where it is pushed, unless a push says otherwise (default `default`). */
  queue?: string;
  /** Retries, unless a push says otherwise. */
  retry?: number;
  /** Seconds a worker may hold it, unless a push says otherwise. */
  reserveFor?: number;
  /**
   * The partition key, from the args as they are pushed (and as the handler would get them, one by one), for pushes that
   * say none: `partitionBy: ({ phone }: { phone: string }) => phone`. Undefined: this one has no key.
   */
  // biome-ignore lint/suspicious/noExplicitAny: the schema says what the args are.
  partitionBy?: (...args: any[]) => string | undefined;
}

export type JobDefinitions = Record<string, JobDefinition>;

/** What a program without a contract has: any jobtype, any args. */
// biome-ignore lint/suspicious/noExplicitAny: as it says.
export type AnyJobs = Record<string, { args: StandardSchemaV1<any, readonly any[]> }>;

/** The args of a job as they are pushed. */
export type ArgsIn<D extends JobDefinition> = D['args'] extends StandardSchemaV1
  ? Spreadable<StandardSchemaV1.InferInput<D['args']>>
  : unknown[];

/** The args of a job as its handler gets them: after the schema's defaults and transformations. */
export type ArgsOut<D extends JobDefinition> = D['args'] extends StandardSchemaV1
  ? Spreadable<StandardSchemaV1.InferOutput<D['args']>>
  : unknown[];

/** What the handlers of a contract's jobs return to a reducer, each with its jobtype; any where it says nothing of them. */
export type ResultsIn<D extends JobDefinitions> = [TypedResults<D>] extends [never]
  ? // biome-ignore lint/suspicious/noExplicitAny: as the args of a program without a contract.
    { jobtype: string; result: any }
  : TypedResults<D>;

type TypedResults<D extends JobDefinitions> = {
  [T in keyof D & string]: D[T] extends { result: infer S extends StandardSchemaV1 }
    ? { jobtype: T; result: StandardSchemaV1.InferInput<S> }
    : never;
}[keyof D & string];

// biome-ignore lint/suspicious/noExplicitAny: a rest parameter wants an array, whatever is in it.
type Spreadable<T> = T extends readonly any[] ? (any[] extends T ? any[] : T) : never;

/** What is wrong with a payload: `args[0].a`, and why. */
export interface PayloadFault {
  /** As in JavaScript, from the job: `args[0].b`. */
  readonly path: string;
  readonly message: string;
}

/** The code is PAYLOAD_INVALID; `faults` tells each fault with its path. */
export class PayloadError extends MillraceError {
  readonly faults: readonly PayloadFault[];

  constructor(jobtype: string, faults: readonly PayloadFault[]) {
    const shown = faults.map(({ path, message }) => `${path}: ${message}`).join('; ');
    super('PAYLOAD_INVALID', `the payload of "${jobtype}" does not fit its contract: ${shown}`);
    this.faults = faults;
  }
}

/** Made by `defineJobs`. */
export class Contract<D extends JobDefinitions = JobDefinitions> {
  readonly jobs: D;
  /** Not the object itself: a jobtype may be called `constructor`. */
  readonly #byJobtype: ReadonlyMap<string, JobDefinition>;

  constructor(jobs: D) {
    this.jobs = jobs;
    this.#byJobtype = new Map(Object.entries(jobs));
    for (const [jobtype, { queue }] of this.#byJobtype) {
      checkJobtype(jobtype);
      if (queue !== undefined) checkQueueName(queue);
    }
  }

  /** The definition of a jobtype; throws JOB_INVALID when the contract has none. */
  definitionOf(jobtype: string): JobDefinition {
    const definition = this.#byJobtype.get(jobtype);
    if (definition !== undefined) return definition;
    const known = [...this.#byJobtype.keys()].join(', ');
    throw new MillraceError(
      'JOB_INVALID',
      `jobtype "${jobtype}" is not in the contract, which has: ${known}`,
    );
  }

  /** Fills in what the contract says of the job's queue, retries and reservation. Throws JOB_INVALID. */
  complete(job: JobInput): JobInput {
    const { queue, retry, reserveFor } = this.definitionOf(job.jobtype);
    return {
      ...(queue === undefined ? {} : { queue }),
      ...(retry === undefined ? {} : { retry }),
      ...(reserveFor === undefined ? {} : { reserve_for: reserveFor }),
      ...job,
    };
  }

  /**
   * The args as the schema gives them back; a promise only where the schema is asynchronous. Throws, or rejects with,
   * a PayloadError.
   */
  parseArgs(jobtype: string, args: readonly unknown[]): readonly unknown[] | Promise<readonly unknown[]> {
    const schema = this.definitionOf(jobtype).args;
    if (schema === undefined) return args;
    const result = schema['~standard'].validate(args);
    return result instanceof Promise
      ? result.then((settled) => argsOf(jobtype, settled))
      : argsOf(jobtype, result);
  }

  /** Whether it says which jobs of a jobtype belong together. */
  isKeyed(jobtype: string): boolean {
    return this.definitionOf(jobtype).partitionBy !== undefined;
  }

  /** What `partitionBy` says of args that were checked; throws JOB_INVALID when it throws. */
  partitionKeyOf(jobtype: string, args: readonly unknown[]): string | undefined {
    try {
      return this.definitionOf(jobtype).partitionBy?.(...args) ?? undefined;
    } catch (cause) {
      const text = `partitionBy of "${jobtype}" threw: ${messageOf(cause)}`;
      throw new MillraceError('JOB_INVALID', text, { cause });
    }
  }

  /** Throws RESULT_INVALID for a result that does not fit, or a schema that is asynchronous. */
  checkResult(jobtype: string, result: unknown): void {
    const schema = this.definitionOf(jobtype).result;
    if (schema === undefined) return;
    const checked = schema['~standard'].validate(result);
    const wrong = (why: string): MillraceError =>
      new MillraceError('RESULT_INVALID', `the result of "${jobtype}" ${why}`);
    if (checked instanceof Promise) {
      checked.catch(() => {});
      throw wrong('has an asynchronous schema: it must be synchronous');
    }
    if (checked.issues === undefined) return;
    const shown = checked.issues.map(({ path, message }) => `${showPath(path ?? [], 'result')}: ${message}`);
    throw wrong(`does not fit its contract: ${shown.join('; ')}`);
  }
}

/** Holds the args of each `partitionBy`, where their types are written, to the schema beside it. */
type PartitionedBy<D extends JobDefinitions> = {
  readonly [T in keyof D]: { readonly partitionBy?: (...args: ArgsIn<D[T]>) => string | undefined };
};

/**
 * Defines the jobs of a program: `defineJobs({ add: { args: z.tuple([…]), queue: 'sums', retry: 5 } })`. Throws
 * JOB_INVALID for a jobtype or queue that Faktory does not take.
 */
export function defineJobs<const D extends JobDefinitions>(jobs: D & PartitionedBy<D>): Contract<D> {
  return new Contract(jobs);
}

function argsOf(jobtype: string, result: StandardSchemaV1.Result<readonly unknown[]>): readonly unknown[] {
  if (result.issues === undefined) return result.value;
  throw new PayloadError(
    jobtype,
    result.issues.map(({ path, message }) => ({ path: showPath(path ?? []), message })),
  );
}

function showPath(path: readonly (PropertyKey | StandardSchemaV1.PathSegment)[], root = 'args'): string {
  const keys = path.map((segment) => (typeof segment === 'object' ? segment.key : segment));
  return keys.reduce<string>((shown, key) => {
    if (typeof key === 'number') return `${shown}[${key}]`;
    return /^[A-Za-z_$][\w$]*$/.test(String(key))
      ? `${shown}.${String(key)}`
      : `${shown}[${JSON.stringify(String(key))}]`;
  }, root);
}
