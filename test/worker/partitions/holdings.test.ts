import { expect, it } from 'vitest';
import { MillraceError } from '../../../src/errors.ts';
import { SILENT } from '../../../src/logger.ts';
import { MemoryCoordinator } from '../../../src/partitions/memory-coordinator.ts';
import { Holdings } from '../../../src/worker/partitions/holdings.ts';
import { until } from '../../helpers/until.ts';

it('takes partitions once Redis is there and the layout is its own, however long either takes; each is told once', async () => {
  const memory = new MemoryCoordinator({ queue: 'q', partitions: 2, ttlMs: 3_000 });
  const answers = [
    new MillraceError('REDIS_UNAVAILABLE', 'Redis is away'),
    new MillraceError('PARTITION_LAYOUT', 'it has 4 partitions'),
    new MillraceError('PARTITION_LAYOUT', 'it has 4 partitions'),
  ];
  const agree = memory.agree.bind(memory);
  memory.agree = async () => {
    const answer = answers.shift();
    if (answer !== undefined) throw answer;
    return agree();
  };
  const told: string[] = [];
  const tell = (_fields: object, text?: string): void => void told.push(String(text));
  const gained: number[] = [];
  const holdings = new Holdings({
    queues: ['q'],
    perPod: 2,
    wid: 'w',
    logger: { ...SILENT, warn: tell, error: tell },
    coordinators: { of: () => memory, connect() {}, close() {} },
    info: async () => {
      throw new Error('Faktory is away');
    },
    onGain: (_queue, lease) => {
      gained.push(lease.partition);
    },
    onSurplus: (_queue, lease) => void lease.release(),
    onEnd: () => {},
  });
  await holdings.start();
  await until(() => gained.length === 2, { timeoutMs: 15_000 });
  expect(answers).toEqual([]);
  expect(told).toEqual(['partitions are taken once Redis is there: Redis is away', 'it has 4 partitions']);
  await holdings.close(1_000);
});
