/** The states of a connection: it only moves forward (connection.ts tells its life). */
export type ConnectionState = 'connecting' | 'greeting' | 'introduced' | 'ready' | 'closing' | 'closed';

const NEXT: Record<ConnectionState, readonly ConnectionState[]> = {
  connecting: ['greeting', 'closed'],
  greeting: ['introduced', 'closed'],
  introduced: ['ready', 'closed'],
  ready: ['closing', 'closed'],
  closing: ['closed'],
  closed: [],
};

/** Throws for a step that there is not. */
export function assertStep(from: ConnectionState, to: ConnectionState): void {
  if (!NEXT[from].includes(to)) throw new Error(`a connection cannot go from ${from} to ${to}`);
}
