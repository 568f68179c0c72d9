/**
 * The image's health check: exits with 0 when the process of this container is ready, by METRICS_PORT where that is
 * set (workers), else by the API's port. "Ready" means that Faktory answers it, too; Docker only shows an unhealthy
 * container, it does not restart it, and every process comes back by itself when Faktory does.
 */
const { METRICS_PORT, API_PORT } = process.env;
const deadlineMs = 4_000;

async function isReady(port) {
  try {
    const url = `http://127.0.0.1:${port}/ready`;
    return (await fetch(url, { signal: AbortSignal.timeout(deadlineMs) })).ok;
  } catch {
    return false;
  }
}

const ports = [METRICS_PORT, API_PORT || 3_000].filter(Boolean);
const answers = await Promise.all(ports.map(isReady));
process.exit(answers.includes(true) ? 0 : 1);
