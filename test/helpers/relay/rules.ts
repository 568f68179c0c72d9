/** `up` is from the client to Faktory, `down` from Faktory to the client. */
export type Side = 'up' | 'down';

/** What a rule does to the connection of the command or reply it met. */
export type Act = 'swallow' | 'fin' | 'rst' | 'stall' | 'blackhole';

/**
 * A fault tied to what is said. It looks at whole messages: commands (`up`) or replies (`down`), of all
 * connections together, counted from when the rule was set.
 */
export interface Rule {
  side: Side;
  /** Which messages count; all by default. Tried on the message with its CRLF, as latin1. */
  match?: RegExp;
  /** At which of them it acts, once: 1 is the first, and the default. */
  nth?: number;
  /** Acts at the nth and every later one. */
  andLater?: boolean;
  /**
   * `swallow` drops the message and lets the connection live; `fin` and `rst` end both its sides; `stall` holds
   * this side of it for good; `blackhole` drops all that comes later, both ways, and tells nobody.
   */
  act: Act;
  /** Whether the message is still delivered before the act. Default true; a swallowed one never is. */
  deliver?: boolean;
}

export interface PlacedRule {
  /** Resolves when the rule acts for the first time. */
  readonly fired: Promise<void>;
  /** How often it has acted. */
  readonly count: number;
  remove(): void;
}

export interface Verdict {
  readonly act: Act;
  readonly deliver: boolean;
}

/** The rules of a relay. Pure bookkeeping: it tells what to do with a message and does nothing itself. */
export class Rules {
  readonly #placed = new Set<Placed>();

  place(rule: Rule): PlacedRule {
    const placed = new Placed(rule, () => this.#placed.delete(placed));
    this.#placed.add(placed);
    return placed;
  }

  /** The first rule that acts on this message decides; every rule counts it. */
  judge(side: Side, message: Buffer): Verdict | undefined {
    let verdict: Verdict | undefined;
    for (const placed of this.#placed) {
      if (placed.rule.side === side && placed.meets(message)) verdict ??= placed.fire();
    }
    return verdict;
  }
}

class Placed implements PlacedRule {
  readonly rule: Rule;
  readonly fired: Promise<void>;
  readonly remove: () => void;
  #met = 0;
  #count = 0;
  #fire: () => void = () => {};

  constructor(rule: Rule, remove: () => void) {
    this.rule = rule;
    this.remove = remove;
    this.fired = new Promise((resolve) => {
      this.#fire = resolve;
    });
  }

  get count(): number {
    return this.#count;
  }

  /** Counts the message if it is one of the rule's, and tells whether the rule acts on it. */
  meets(message: Buffer): boolean {
    const { match, nth = 1, andLater = false } = this.rule;
    if (match && message.toString('latin1').search(match) < 0) return false;
    this.#met++;
    return andLater ? this.#met >= nth : this.#met === nth;
  }

  fire(): Verdict {
    this.#count++;
    this.#fire();
    const { act, deliver = true } = this.rule;
    return { act, deliver: deliver && act !== 'swallow' };
  }
}
