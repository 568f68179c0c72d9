/** METRICS_PORT: what others may ask of any long-running command. */
import type { Registry } from 'prom-client';
import type { Config } from '../config.ts';
import type { Logger } from '../logger.ts';
import type { Running } from './running.ts';

export interface Observed {
  /** What /metrics shows; made only when somebody may ask. */
  registry: () => Registry | Promise<Registry>;
  /** Why the process is not ready, if it is not. */
  notReady: () => string | undefined;
}

/** Where METRICS_PORT is set: serves /health, /ready and /metrics as a part of `running`. Throws PORT_TAKEN. */
export async function startMetricsPart(
  running: Running,
  config: Config,
  logger: Logger,
  { registry, notReady }: Observed,
): Promise<void> {
  if (config.METRICS_PORT === undefined) return;
  const { startProbes } = await import('./probes.ts');
  const probes = await startProbes({
    host: config.METRICS_HOST,
    port: config.METRICS_PORT,
    registry: await registry(),
    notReady,
  });
  running.add(() => probes.close());
  logger.info({}, `/health, /ready and /metrics on ${probes.url}`);
}
