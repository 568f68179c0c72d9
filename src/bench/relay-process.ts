/** The program of the bench's relay. */
import { startRelay } from './relay.ts';
import { serve } from './serve.ts';

let bytes = (): number => 0;

serve({
  /** Where Faktory is, and the delay one way; the port that leads there. */
  async start(host: string, port: number, delayMs: number): Promise<number> {
    const relay = await startRelay({ host, port, delayMs });
    bytes = () => relay.bytes;
    return relay.port;
  },
  bytes: () => bytes(),
});
