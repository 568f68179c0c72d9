/**
 * Clients that others wrote, against the embedded Faktory: each pushes, fetches, ACKs, FAILs and beats, and stops when
 * a beat tells it to. What they check themselves is in test/independent.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { startFaktory } from '../../src/testing/index.ts';
import { noteLeftOut } from '../helpers/left-out.ts';
import { startProcess } from '../helpers/process.ts';
import { until } from '../helpers/until.ts';
import { GO, isInstalled, RUST, type Toolchain } from '../independent/build.ts';

interface Independent {
  readonly name: string;
  /** Of its queue, and the end of its wid. */
  readonly short: 'go' | 'rust' | 'node';
  /** None for one that needs no building. */
  readonly toolchain?: Toolchain;
}

const CLIENTS: readonly Independent[] = [
  { name: 'the official Go client and faktory_worker_go 1.7.0', short: 'go', toolchain: GO },
  { name: 'faktory-rs 0.13.1', short: 'rust', toolchain: RUST },
  { name: 'npm faktory-worker', short: 'node' },
];

const NODE_CLIENT = fileURLToPath(new URL('../independent/node/main.mjs', import.meta.url));
/** Longer than a first build takes, and than the 15 s between two beats of the Go worker. */
const BUILD_MS = 300_000;
const BEAT_MS = 40_000;

describe.concurrent('independent clients against the embedded Faktory', () => {
  for (const client of CLIENTS) {
    const { toolchain } = client;
    const missing = toolchain !== undefined && !isInstalled(toolchain);
    if (missing)
      noteLeftOut(
        `${client.name} against the embedded Faktory: there is no ${[toolchain.command, ...(toolchain.needs ?? [])].join(' with ')}`,
      );
    it.skipIf(missing)(client.name, () => playedThrough(client), BUILD_MS + 2 * BEAT_MS);
  }
});

async function playedThrough({ short, toolchain }: Independent): Promise<void> {
  const binary = await toolchain?.build();
  const wid = `independent-${short}`;
  const seen = new Set<string>();
  await using faktory = await startFaktory({
    // faktory-rs takes the URL's password as it is written, with its percent signs.
    password: 'independent',
    intercept(line, from) {
      if (from === wid) seen.add(line.split(' ')[0]!);
      return undefined;
    },
  });
  const environment = { env: { FAKTORY_URL: faktory.url, FAKTORY_PROVIDER: undefined } };
  await using program =
    binary === undefined
      ? startProcess(process.execPath, [NODE_CLIENT], environment)
      : startProcess(binary, [], environment);
  const said = (): string => `${program.commandLine}; it printed:\n${program.output}`;

  const failed = () => faktory.jobs({ jobtype: 'fails', state: 'retries' });
  await until(() => program.exited !== undefined || failed().length === 1, { what: said });
  expect(program.exited, said()).toBeUndefined();
  await faktory.drain();
  expect(failed()[0]?.failure, said()).toMatchObject({
    message: 'on purpose',
    retry_count: 0,
    remaining: 25,
  });
  expect(faktory.jobs({ state: 'dead' }).length, said()).toBe(1);
  expect(program.output).toMatch(/ran add .*1.*2/);

  await using client = new Client({ url: faktory.url, logger: false });
  await client.send(['BEAT', JSON.stringify({ wid, current_state: 'terminate' })]);
  expect(await program.waitForExit({ timeoutMs: BEAT_MS }), said()).toEqual({ code: 0, signal: null });
  expect([...seen]).toEqual(expect.arrayContaining(['FETCH', 'ACK', 'FAIL', 'BEAT']));
  expect(faktory.jobs().length).toBe(2);
}
