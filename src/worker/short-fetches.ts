/**
 * FETCHes from which queues were left out for want of credit, and where they may go; pure. Such a *short* one may wait
 * two seconds for the jobs of the others, and a queue that it left out has its credit back meanwhile. So nothing that
 * names such a queue goes behind it, one lane is kept from them, and of each kind (those that left out the same) there
 * are no more than its own replies have earned: what a busy queue answers says nothing of those that are left.
 */
import type { ReplyClass } from './plan.ts';

/** So many kinds are remembered: those that nothing is out of are forgotten beyond. */
const MOST_KINDS = 32;
/** While jobs do come: where machines are busy, a job that lay there looks as if it had been waited for. */
const WHILE_JOBS_COME = 4;

/** One kind: how many are out, and how many may be. */
export class ShortKind {
  #depth = 1;
  #out = 0;

  get out(): number {
    return this.#out;
  }

  get depth(): number {
    return this.#depth;
  }

  onSent(): void {
    this.#out += 1;
  }

  /** It is not outstanding any more. */
  onAnswered(): void {
    this.#out -= 1;
  }

  onReply(reply: ReplyClass, most: number): void {
    if (reply === 'backlog') this.#depth += 1;
    else this.#depth = reply === 'empty' ? 1 : Math.max(WHILE_JOBS_COME, this.#depth >> 1);
    this.#depth = Math.min(most, this.#depth);
  }
}

export class ShortFetches {
  readonly #kinds = new Map<string, ShortKind>();

  /** How many are out, of all kinds. */
  get out(): number {
    let out = 0;
    for (const kind of this.#kinds.values()) out += kind.out;
    return out;
  }

  kindOf(leftOut: readonly string[]): ShortKind {
    const name = [...leftOut].sort().join(' ');
    let kind = this.#kinds.get(name);
    if (kind !== undefined) return kind;
    if (this.#kinds.size >= MOST_KINDS) this.#forget();
    kind = new ShortKind();
    this.#kinds.set(name, kind);
    return kind;
  }

  #forget(): void {
    for (const [name, { out }] of this.#kinds) if (out === 0) this.#kinds.delete(name);
  }
}

/** What the choice of a lane looks at. */
export interface LaneView {
  readonly outstanding: number;
  /** What the FETCHes that are out on it have left out. */
  readonly leftOut: ReadonlySet<string>;
  room(now: number): number;
}

/** The lane with the fewest outstanding FETCHes among those that may take one which names these queues. */
export function roomiest<Lane extends LaneView>(
  lanes: Iterable<Lane>,
  queues: readonly string[],
  now: number,
  but?: Lane,
): Lane | undefined {
  let best: Lane | undefined;
  for (const lane of lanes) {
    if (lane === but || (best !== undefined && lane.outstanding >= best.outstanding)) continue;
    if (lane.room(now) > 0 && !leavesOut(lane, queues)) best = lane;
  }
  return best;
}

/**
 * Whether the lane that is kept open takes a short FETCH: behind those that left out as much, or, where nothing is out on
 * it, if a queue would not be asked for otherwise (`isNew`).
 */
export function opensTo(
  lane: LaneView,
  { queues, leftOut, isNew }: { queues: readonly string[]; leftOut: readonly string[]; isNew: boolean },
  now: number,
): boolean {
  if (lane.room(now) <= 0 || leavesOut(lane, queues)) return false;
  return lane.outstanding === 0 ? isNew : leftOut.every((queue) => lane.leftOut.has(queue));
}

function leavesOut({ leftOut }: LaneView, queues: readonly string[]): boolean {
  return leftOut.size > 0 && queues.some((queue) => leftOut.has(queue));
}
