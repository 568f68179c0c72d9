import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { beatCases } from './beat-cases.ts';
import { fetchCases } from './fetch-cases.ts';
import { connectionCases, handshakeCases, passwordCases } from './handshake-cases.ts';
import { infoCases } from './info-cases.ts';
import { mutateCases } from './mutate-cases.ts';
import { pushCases } from './push-cases.ts';
import { queueCases } from './queue-cases.ts';
import { type Address, Talk } from './raw-client.ts';
import { reportCases } from './report-cases.ts';

/** A Faktory that the suite can be run against. */
export interface Implementation {
  /** Starts a fresh one. */
  start(options: { password?: string }): Promise<RunningServer>;
  /** How many connections it takes. */
  connectionLimit: number;
  /** Whether it lives on after commands that lack what they need (1.9.4 does not). */
  survivesBareCommands: boolean;
}

export interface RunningServer extends Address {
  stop(): Promise<void>;
}

/** What the cases of one group get: a server, emptied after each case, and connections that end with the case. */
export interface Bench {
  readonly implementation: Implementation;
  readonly address: Address;
  /** A connection past its HELLO. */
  talk(wid?: string): Promise<Talk>;
  /** A connection that has said nothing. */
  silent(): Talk;
}

/**
 * What any Faktory must do, real or embedded (FAKTORY.md's replies). Where they differ the real one is right, but for
 * the list of what must not be copied. No case depends on scans that take seconds: those are in test/embedded.
 */
export function conformanceSuite(implementation: Implementation): void {
  const groups: [string, (bench: Bench) => void][] = [
    ['handshake', handshakeCases],
    ['connections', connectionCases],
    ['PUSH and PUSHB', pushCases],
    ['FETCH', fetchCases],
    ['ACK and FAIL', reportCases],
    ['BEAT', beatCases],
    ['INFO and FLUSH', infoCases],
    ['QUEUE', queueCases],
    ['MUTATE', mutateCases],
  ];
  describe('without a password', () => {
    const bench = serverForAll(implementation, {});
    for (const [name, cases] of groups) describe(name, () => cases(bench));
  });
  describe('with a password', () => {
    passwordCases(serverForAll(implementation, { password: PASSWORD }));
  });
}

export const PASSWORD = 'f@ktory pässword';

function serverForAll(implementation: Implementation, options: { password?: string }): Bench {
  let server: RunningServer | undefined;
  const talks: Talk[] = [];
  beforeAll(async () => {
    server = await implementation.start(options);
  });
  afterEach(async () => {
    for (const talk of talks.splice(0)) await talk[Symbol.asyncDispose]();
    if (server === undefined || options.password !== undefined) return;
    const talk = await Talk.open(server);
    await talk.ask('FLUSH');
    await talk.close();
  });
  afterAll(() => server?.stop());
  return {
    implementation,
    get address() {
      return server!;
    },
    silent() {
      const talk = Talk.silent(server!);
      talks.push(talk);
      return talk;
    },
    async talk(wid) {
      const talk = await Talk.open(server!, wid);
      talks.push(talk);
      return talk;
    },
  };
}
