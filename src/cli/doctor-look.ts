/** What `millrace doctor` looks at: connects, asks, measures. What it means is said by doctor-checks.ts. */
import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { isIP, type Socket } from 'node:net';
import type { Address } from '../connection/address.ts';
import type { ConnectionBudget } from '../connection/budget.ts';
import type { Connection } from '../connection/connection.ts';
import { askInfo } from '../connection/info.ts';
import { Lanes } from '../connection/lanes.ts';
import { helloOf } from '../connection/options.ts';
import { askQueues, type QueueReport } from '../connection/queue-report.ts';
import { openSocket } from '../connection/socket.ts';
import { isMillraceError, MillraceError, messageOf } from '../errors.ts';
import { within } from '../within.ts';
import { checkInfo, oddInfo } from './doctor-info.ts';
import { measureRoundTrips, type RoundTrips } from './doctor-round-trips.ts';

export interface Findings {
  /** What the name stands for, as far as it can be looked up. */
  readonly addresses: readonly string[];
  /** From the first SYN to Faktory's welcome, in ms; undefined where there was none. */
  connectedMs?: number;
  /** What ended the look, if anything did. */
  fault?: MillraceError;
  info?: ServerFindings;
  queueReport?: QueueReport;
  roundTrips?: RoundTrips;
  tls?: TlsFindings | undefined;
  /** Whether Faktory lets in who has no password; asked where there is one. */
  isOpen?: boolean | undefined;
}

export interface ServerFindings {
  readonly version: string;
  readonly description: string;
  readonly uptimeSeconds: number;
  readonly connections: number;
  readonly memoryMb: number;
  /** Faktory's clock against ours, in ms: positive where Faktory's is ahead; and by how much that may be off. */
  readonly clock: { readonly aheadMs: number; readonly uncertainMs: number } | undefined;
}

export interface TlsFindings {
  readonly verified: boolean;
  readonly protocol: string | undefined;
  readonly validTo: Date | undefined;
}

/** No command of these may rightly take longer. */
const DEADLINE_MS = 9_000;
/** A connection gives up by itself before that. */
const ACQUIRE_MS = 10_000;
/** Names are shown, no more: what is not known by then is left out. */
const LOOKUP_MS = 2_000;

/** Never rejects for what is wrong with Faktory or the way to it: that is a finding. */
export async function look(address: Address, budget: ConnectionBudget): Promise<Findings> {
  const findings: Findings = { addresses: await addressesOf(address.host) };
  const wid = randomBytes(8).toString('hex');
  const begunAt = performance.now();
  const link = openLink(address, budget, wid);
  try {
    const lane = await link.lane;
    findings.connectedMs = performance.now() - begunAt;
    findings.info = await serverOf(address, link.lanes);
    findings.queueReport = await askQueues(address, link.lanes);
    findings.roundTrips = await measureRoundTrips(lane, wid);
    await link.lanes.close();
    if (address.tls) findings.tls = await tlsOf(address);
    if (address.password !== undefined) findings.isOpen = await isOpen(address, budget);
  } catch (error) {
    findings.fault = isMillraceError(error)
      ? error
      : new MillraceError('PROTOCOL_VIOLATION', messageOf(error), { cause: error });
  } finally {
    link.lanes.destroy();
  }
  return findings;
}

interface DoctorLink {
  readonly lanes: Lanes;
  /** Rejects with the first fault: nothing is tried twice. */
  readonly lane: Promise<Connection>;
}

/** With a `wid` Faktory takes its BEATs, and shows it as a worker meanwhile. */
function openLink(address: Address, budget: ConnectionBudget, wid?: string): DoctorLink {
  const { promise, reject } = withReject<never>();
  const hello = wid === undefined ? helloOf() : helloOf(wid, ['doctor']);
  const lanes = new Lanes({ address, hello, budget, deadlineMs: DEADLINE_MS, onFault: reject });
  lanes.want(1);
  const lane = Promise.race([promise, lanes.acquire(ACQUIRE_MS)]);
  lane.catch(() => {});
  return { lanes, lane };
}

function withReject<T>(): { promise: Promise<T>; reject: (error: Error) => void } {
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<T>((_resolve, no) => {
    reject = no;
  });
  // It may come when nobody waits any more.
  promise.catch(() => {});
  return { promise, reject };
}

/** INFO, once. Faktory says what time it was when it had gone half the way. */
async function serverOf(address: Address, lanes: Lanes): Promise<ServerFindings> {
  const { info, askedAt } = await askInfo(address, lanes).catch((error: unknown) => {
    throw error instanceof SyntaxError ? oddInfo('no JSON', error) : error;
  });
  checkInfo(info);
  const halfMs = (performance.now() - askedAt) / 2;
  const { faktory_version, uptime, connections, used_memory_mb } = info.server;
  const { now } = info as { now?: unknown };
  const theirs = typeof now === 'string' ? Date.parse(now) : Number.NaN;
  const { description } = info.server as { description?: unknown };
  return {
    version: faktory_version,
    description: typeof description === 'string' ? description : 'Faktory',
    uptimeSeconds: uptime,
    connections,
    memoryMb: used_memory_mb,
    clock: Number.isNaN(theirs)
      ? undefined
      : { aheadMs: theirs - (Date.now() - halfMs), uncertainMs: halfMs },
  };
}

async function addressesOf(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  const looked = lookup(host, { all: true }).then(
    (found) => [...new Set(found.map(({ address }) => address))],
    // The connection says it, and says it better.
    () => [],
  );
  return (await within(looked, LOOKUP_MS)) ?? [];
}

/** What is read of a TLSSocket. */
type TlsSocket = Socket & {
  readonly authorized?: boolean;
  getProtocol?(): string | null;
  getPeerCertificate?(): { valid_to?: string };
};

/** By a socket of its own, which speaks TLS and nothing more; undefined where it does not come up again. */
function tlsOf(address: Address): Promise<TlsFindings | undefined> {
  const socket = openSocket(address, undefined) as TlsSocket;
  return new Promise<TlsFindings | undefined>((resolve) => {
    socket.setTimeout(DEADLINE_MS, () => socket.destroy());
    socket.once('error', () => {});
    socket.once('close', () => resolve(undefined));
    socket.once('secureConnect', () => {
      const validTo = new Date(socket.getPeerCertificate?.().valid_to ?? Number.NaN);
      resolve({
        verified: socket.authorized === true,
        protocol: socket.getProtocol?.() ?? undefined,
        validTo: Number.isNaN(validTo.getTime()) ? undefined : validTo,
      });
    });
  }).finally(() => socket.destroy());
}

/** Undefined where it cannot be known. */
async function isOpen(address: Address, budget: ConnectionBudget): Promise<boolean | undefined> {
  const { lanes, lane } = openLink({ ...address, password: undefined }, budget);
  try {
    await lane;
    await lanes.close();
    return true;
  } catch (error) {
    return isMillraceError(error, 'FAKTORY_PASSWORD') ? false : undefined;
  } finally {
    lanes.destroy();
  }
}
