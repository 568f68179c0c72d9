/** The program that makes the load, so that neither what it measures nor who watches has to share a core's time with it. */
import { serve, tell } from '../bench/serve.ts';
import { fireBulk } from './bulk.ts';
import { fireBarrage } from './cannon.ts';
import type { Barrage, Bulk, Fired, Stream } from './shot.ts';
import { fireStream } from './stream.ts';

const onCount = (answered: number): void => tell({ event: 'count', value: answered });

serve({
  /** The same without a word. */
  warmUp: (barrage: Barrage): Promise<Fired> => fireBarrage(barrage, () => {}),
  barrage: (barrage: Barrage): Promise<Fired> => fireBarrage(barrage, onCount),
  bulk: (bulk: Bulk): Promise<Fired> => fireBulk(bulk, onCount),
  stream: (stream: Stream): Promise<Fired> => fireStream(stream, onCount),
});
