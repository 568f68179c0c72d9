import { cpus } from 'node:os';

/** Time of all cores since the machine started, in ms. */
export interface MachineTimes {
  readonly idle: number;
  readonly all: number;
}

export function machineTimes(): MachineTimes {
  let idle = 0;
  let all = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    all += times.idle + times.user + times.nice + times.sys + times.irq;
  }
  return { idle, all };
}

/** Part of all cores that was in use between two moments; 0 where that was too short for the system's clock. */
export function machineLoad(from: MachineTimes, to: MachineTimes): number {
  const all = to.all - from.all;
  return all <= 0 ? 0 : 1 - (to.idle - from.idle) / all;
}
