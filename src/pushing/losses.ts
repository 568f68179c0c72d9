/**
 * How a job travels whose PUSHBs are lost with their connections: one of them may be what kills these, and must
 * neither be sent without end nor keep the others from being stored. Pure.
 */

import { MillraceError } from '../errors.ts';

/** `with others`: in the next PUSHB. `alone`: with nothing else on its lane. `behind`: so, and after all others. */
export type Travel = 'with others' | 'alone' | 'behind';

/** What once was lost may be chance: a restart, a cable. */
const ALONE_AFTER = 2;

/** Whether it has a lane to itself, so that a loss is its own and nobody else's. */
export function travelsAlone(losses: number): boolean {
  return losses >= ALONE_AFTER;
}

/**
 * Up to half of the losses it keeps its place, so that pushes keep their order over ordinary faults. Then the
 * others go first: they show whether connections die of it, or for another reason.
 */
export function travelAfter(losses: number, maxLosses: number): Travel {
  if (!travelsAlone(losses)) return 'with others';
  return losses <= maxLosses / 2 ? 'alone' : 'behind';
}

/** While nothing else gets through it is no fault of the job: then only time ends its tries. */
export function isHopeless(losses: number, maxLosses: number, othersGotThrough: boolean): boolean {
  return losses >= maxLosses && othersGotThrough;
}

/** Why a hopeless one is given up. */
export function deadly(losses: number, cause: MillraceError): MillraceError {
  const text = `${losses} connections were lost with it while other jobs got through: ${cause.message}`;
  return new MillraceError('CONNECTION_LOST', text, { cause });
}
