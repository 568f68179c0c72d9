import { describe } from 'vitest';
import { startEmbeddedFaktory } from '../../src/embedded/index.ts';
import { conformanceSuite } from './suite.ts';

const CONNECTIONS = 40;

describe('conformance (embedded Faktory)', () => {
  conformanceSuite({
    connectionLimit: CONNECTIONS,
    survivesBareCommands: true,
    async start(options) {
      const faktory = await startEmbeddedFaktory({ ...options, maxConnections: CONNECTIONS });
      return { host: '127.0.0.1', port: faktory.port, stop: () => faktory.stop() };
    },
  });
});
