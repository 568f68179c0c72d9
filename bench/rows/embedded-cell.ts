import { startEmbeddedFaktory } from '../../test/helpers/embedded-faktory.ts';
import { startRelayProcess } from '../../test/helpers/relay-process.ts';
import { type Cell, type Figure, measure } from '../cell.ts';

/** On a fresh embedded Faktory in a process of its own, behind a relay: nothing of a worker before is in the way. */
export async function measureOnEmbedded(roundTripMs: number, cell: Omit<Cell, 'place'>): Promise<Figure> {
  await using faktory = await startEmbeddedFaktory();
  await using relay = await startRelayProcess(faktory.url, { delayMs: roundTripMs / 2 });
  return await measure({ ...cell, place: { url: relay.url, directUrl: faktory.url } });
}
