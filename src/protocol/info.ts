/** What INFO tells, as far as it is used here. */
export interface FaktoryInfo {
  faktory: {
    queues: Record<string, number>;
    sets: { dead: number; retries: number; scheduled: number; working: number };
    total_processed: number;
    total_failures: number;
    total_enqueued: number;
  };
  /** `uptime`: whole seconds since Faktory was started. */
  server: { faktory_version: string; uptime: number; connections: number; used_memory_mb: number };
}
