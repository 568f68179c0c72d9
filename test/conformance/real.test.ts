import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { FAKTORY_VERSIONS, startRealFaktory } from '../helpers/real-faktory.ts';
import { conformanceSuite } from './suite.ts';

describeOnRealFaktory(
  'conformance',
  (version) => {
    conformanceSuite({
      connectionLimit: 2000,
      survivesBareCommands: version !== '1.9.4',
      start: (options) => startRealFaktory({ ...options, version }),
    });
  },
  FAKTORY_VERSIONS,
);
