/** What SIGUSR2 does: to standard output, whatever LOG_LEVEL says, since who asks for it wants to see it. */
export function writeState(worker: { snapshot(): object }): void {
  process.stdout.write(`${JSON.stringify({ state: worker.snapshot() })}\n`);
}
