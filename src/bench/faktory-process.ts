/** The program of the embedded Faktory that the bench starts for itself: on a free port, gone afterwards. */
import { startEmbeddedFaktory } from '../embedded/index.ts';
import { serve } from './serve.ts';

serve({
  async start(): Promise<string> {
    const faktory = await startEmbeddedFaktory();
    return faktory.url;
  },
});
