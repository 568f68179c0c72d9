/** Which partitions a worker takes and gives up, by what it sees of the others; pure. */
import type { Member, Survey } from './coordinator.ts';

export interface OwnView {
  readonly owner: string;
  readonly partitions: number;
  /** PARTITIONS_PER_POD. */
  readonly most: number;
  /** The partitions that it has, those that it is giving up left out. */
  readonly held: readonly number[];
  readonly survey: Survey;
}

export interface OwnershipPlan {
  /** To try, in this order, no more of them than there is room for. */
  readonly acquire: readonly number[];
  /** To give up, between jobs. */
  readonly giveUp: readonly number[];
}

/** Who has not taken what it lacks by then will not. */
const PATIENCE_MS = 3_000;

/**
 * Everyone takes what is free up to an even share; of what the others do not lack, or leave lying, its part of more, up
 * to its most: that is what a dead owner leaves, whose name is still among the members. Nobody gives up for evenness
 * alone, only where another has less than the smaller share and nothing is free for it; then those who have most give,
 * one each in turn. All see the same and so decide the same; where they do not, the next look mends it.
 */
export function planOwnership(view: OwnView, random: () => number = Math.random): OwnershipPlan {
  const members = withOwn(view);
  const smaller = Math.floor(view.partitions / members.length);
  const larger = Math.ceil(view.partitions / members.length);
  const mine = view.held.length;
  const free = shuffled(
    view.survey.free.filter(({ partition }) => !view.held.includes(partition)),
    random,
  ).sort((a, b) => Number(b.forMs >= PATIENCE_MS) - Number(a.forMs >= PATIENCE_MS));
  const within = Math.max(0, larger - mine);
  const left = free.filter(({ forMs }) => forMs >= PATIENCE_MS).length;
  const others = members.filter(({ owner }) => owner !== view.owner);
  const spare = Math.max(left, free.length - within - needOf(others, larger));
  const beyond = Math.max(0, Math.ceil(spare / Math.max(1, others.length)));
  const room = view.survey.calmMs > 0 ? 0 : Math.max(0, view.most - mine);
  const acquire = free.slice(0, Math.min(room, Math.max(within, beyond))).map(({ partition }) => partition);
  const needed = needOf(members, smaller) - free.length;
  const given = needed > 0 ? shareOfGiving(members, view.owner, smaller, needed) : 0;
  return { acquire, giveUp: view.held.slice(mine - given) };
}

/** What they lack of a share, or of what they would take. */
function needOf(members: readonly Member[], share: number): number {
  return members.reduce((sum, { count, most }) => sum + Math.max(0, Math.min(share, most) - count), 0);
}

/** How many of the `needed` are for `owner` to give: the one with most gives first. */
function shareOfGiving(members: readonly Member[], owner: string, smaller: number, needed: number): number {
  const left = members.map((each) => ({ owner: each.owner, count: each.count }));
  let given = 0;
  for (let i = 0; i < needed; i += 1) {
    const [richest] = left.sort((a, b) => b.count - a.count || (a.owner < b.owner ? -1 : 1));
    if (richest === undefined || richest.count <= smaller) break;
    richest.count -= 1;
    if (richest.owner === owner) given += 1;
  }
  return given;
}

/** What it knows of itself is newer than what it told. */
function withOwn({ survey, owner, most, held }: OwnView): Member[] {
  return [...survey.members.filter((each) => each.owner !== owner), { owner, count: held.length, most }];
}

/** So that not all try the same one first. */
function shuffled<T>(values: T[], random: () => number): T[] {
  for (let i = values.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
  return values;
}

/**
 * How long until the next look: a second, more for many members; sooner while something is free that it may take if
 * the others leave it, and right after a lease may have lapsed.
 */
export function lookAfterMs(
  { members, nextLapseMs }: Pick<Survey, 'members' | 'nextLapseMs'>,
  ttlMs: number,
  random: number = Math.random(),
  hasRoomForFree = false,
): number {
  const most = hasRoomForFree ? SOON_MS : Math.max(1_000, members.length * 20);
  const usual = Math.min(ttlMs / 3, most) * (0.75 + random / 4);
  // Who asks first is left to chance, within a short while.
  const lapse = nextLapseMs === undefined ? usual : nextLapseMs + 20 + random * Math.min(200, ttlMs / 10);
  return Math.max(20, Math.min(usual, lapse));
}

/** So that a dead owner's partitions are taken within a second of their lapse. */
const SOON_MS = 300;
