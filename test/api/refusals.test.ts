import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { Refusals } from '../../src/api/refusals.ts';
import { SILENT } from '../../src/logger.ts';

it('counts each refusal, and tells of a kind once a minute', async () => {
  const told: object[] = [];
  let now = 0;
  const registry = new Registry();
  const logger = { ...SILENT, warn: (fields: object) => void told.push(fields) };
  const refusals = new Refusals(registry, logger, () => now);
  for (let i = 0; i < 5; i += 1) refusals.note('connections', '10.0.0.1');
  refusals.note('rate', undefined);
  now = 59_999;
  refusals.note('connections', '10.0.0.2');
  now = 60_000;
  refusals.note('connections', '10.0.0.3');
  expect(told).toEqual([
    { reason: 'connections', count: 1, address: '10.0.0.1' },
    { reason: 'rate', count: 1, address: undefined },
    { reason: 'connections', count: 6, address: '10.0.0.3' },
  ]);
  expect(await registry.metrics()).toContain('millrace_api_refused_total{reason="connections"} 7');
});
