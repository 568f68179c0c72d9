/**
 * It takes items (reading), waits for the outcomes of those that it took (settling), has told all and waits for its
 * client to have read it (answered). From any of them: its client has hung up (gone).
 */
export type State = 'reading' | 'settling' | 'answered' | 'gone';

const NEXT: Record<State, readonly State[]> = {
  reading: ['settling', 'gone'],
  settling: ['answered', 'gone'],
  answered: ['gone'],
  gone: [],
};

/** Returns `next`; throws when a bulk cannot go there. */
export function stateAfter(state: State, next: State): State {
  if (!NEXT[state].includes(next)) throw new Error(`a bulk cannot go from ${state} to ${next}`);
  return next;
}
