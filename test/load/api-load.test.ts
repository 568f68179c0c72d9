import { describe, expect, it } from 'vitest';
import { apiLoadOf, readingOf } from '../../src/load/api-load.ts';

const PAGE = `# HELP process_cpu_seconds_total CPU
process_cpu_seconds_total 1.5
process_resident_memory_bytes 100000000
millrace_api_jobs_total{outcome="invalid"} 3
millrace_api_jobs_total{outcome="stored"} 42
`;

describe('readingOf', () => {
  it('reads a page of metrics', () => {
    expect(readingOf(PAGE, 7)).toEqual({ at: 7, cpuMs: 1_500, memoryBytes: 1e8, stored: 42 });
  });

  it('has nothing where the process does not tell', () => {
    expect(readingOf('up 1\n', 7)).toBeUndefined();
    expect(readingOf(PAGE.replace(/.*jobs_total.*\n/g, ''), 7)).toMatchObject({ stored: null });
  });
});

describe('apiLoadOf', () => {
  const at = (at: number, cpuMs: number, memoryBytes: number) => ({ at, cpuMs, memoryBytes, stored: null });

  it('tells CPU over the load alone, and the most memory of all', () => {
    const load = apiLoadOf([at(0, 100, 50), at(1_000, 600, 90), at(2_000, 800, 70), at(9_000, 800, 60)], 2);
    expect(load).toEqual({
      cpu: 0.35,
      memoryBefore: 50,
      memoryMost: 90,
      memoryAfter: 60,
      slices: [
        { second: 0, cpu: 0.5, memoryBytes: 90 },
        { second: 1, cpu: 0.2, memoryBytes: 70 },
        { second: 2, cpu: 0, memoryBytes: 60 },
      ],
    });
  });

  it('cannot tell from one reading, or none', () => {
    expect([apiLoadOf([]), apiLoadOf([at(0, 1, 1)])]).toEqual([null, null]);
  });
});
