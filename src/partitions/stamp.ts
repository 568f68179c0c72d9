/**
 * What a keyed job carries in `custom`, from its push to its end: copies, FAILs and retries keep it. Pure.
 *
 *     {"custom": {"millrace": {"n": 17, "e": 1760000000000, "k": "+5511999990000"}}}
 */

/** The place of a job in the order of its partition. */
export interface Position {
  /** The epoch in which the number was given: numbers of a later epoch come later, whatever they are. */
  readonly epoch: number;
  /** From 1, with no number twice in one epoch. */
  readonly number: number;
}

export interface Stamp extends Position {
  readonly key: string;
}

type Custom = Record<string, unknown>;

/** `custom` with the stamp in it; what else it holds stays. */
export function withStamp(custom: Custom | undefined, { epoch, number, key }: Stamp): Custom {
  const ours = isObject(custom?.millrace) ? custom.millrace : {};
  return { ...custom, millrace: { ...ours, n: number, e: epoch, k: key } };
}

/** The same for a job that has a key and no place in the order: its turn is when it comes. */
export function withKey(custom: Custom | undefined, key: string): Custom {
  const placeless = withoutPlace(custom ?? {});
  const ours = isObject(placeless.millrace) ? placeless.millrace : {};
  return { ...placeless, millrace: { ...ours, k: key } };
}

/** `custom` without a place in the order, where another job had one: two of one place would be taken for one. */
export function withoutPlace(custom: Custom): Custom {
  if (!isObject(custom.millrace)) return custom;
  const { n: _n, e: _e, ...ours } = custom.millrace;
  return { ...custom, millrace: ours };
}

/** Undefined where there is none, or what no pusher of ours has written: such a job has no place in the order. */
export function stampOf(custom: unknown): Stamp | undefined {
  if (!isObject(custom) || !isObject(custom.millrace)) return undefined;
  const { n, e, k } = custom.millrace;
  if (!isPlace(n) || !isPlace(e) || typeof k !== 'string') return undefined;
  return { number: n, epoch: e, key: k };
}

/** The key of a job, whether it has a place in the order or not. */
export function keyOf(custom: unknown): string | undefined {
  if (!isObject(custom) || !isObject(custom.millrace)) return undefined;
  const { k } = custom.millrace;
  return typeof k === 'string' ? k : undefined;
}

/** Below zero: `a` comes before `b`. */
export function comparePositions(a: Position, b: Position): number {
  return a.epoch - b.epoch || a.number - b.number;
}

function isPlace(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isObject(value: unknown): value is Custom {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
