/** For programs of this folder: answers what the parent asks over IPC, and ends with it. */
export function answerCalls(answers) {
  process.on('disconnect', () => process.exit(0));
  process.on('message', async ({ id, what, args }) => {
    try {
      process.send({ id, value: await answers[what](...args) });
    } catch (error) {
      process.send({ id, error: String(error?.stack ?? error) });
    }
  });
}

const startedAt = () => ({ cpuMicros: cpuMicros(), at: performance.now() });
const cpuMicros = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** CPU and memory of this process, for whoever measures it. */
export const own = { usage: startedAt, memory: () => process.memoryUsage.rss() };
