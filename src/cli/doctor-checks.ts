/** What the findings of `millrace doctor` mean: a verdict each, and what to do. Pure. */
import { BlockList, isIP } from 'node:net';
import { type Address, showAddress } from '../connection/address.ts';
import { isMillraceError, type MillraceError, messageOf } from '../errors.ts';
import { isLoopback } from '../loopback.ts';
import { type Check, duration, ok, warn } from './doctor-check.ts';
import type { Findings, ServerFindings } from './doctor-look.ts';
import { queueCheck, setCheck } from './doctor-queues.ts';
import { count, FAKTORY_CONNECTIONS, ms, SOCKETS_A_WORKER } from './doctor-sum.ts';

/** What of this side counts. */
export interface Here {
  readonly address: Address;
  /** FAKTORY_MAX_CONNECTIONS. */
  readonly maxConnections: number;
  /** Processes that each may open so many. */
  readonly processes: number;
}

const DAY_MS = 86_400_000;
const CLOCK_WARN_MS = 2_000;
const CERTIFICATE_WARN_DAYS = 14;

export function checksOf(findings: Findings, here: Here): Check[] {
  const { info, queueReport, roundTrips, fault } = findings;
  return [
    reachable(findings, here),
    ...(info === undefined ? [] : [version(info), server(info)]),
    ...passwordCheck(findings, here),
    ...tlsCheck(findings, here),
    ...(roundTrips === undefined ? [] : [roundTrip(roundTrips)]),
    ...(info === undefined ? [] : [connections(info, here), clock(info)]),
    ...(queueReport === undefined ? [] : [queueCheck(queueReport), setCheck(queueReport)]),
    ...(fault === undefined ? [] : interrupted(findings, fault)),
  ];
}

/** DNS, TCP, TLS, and a Faktory behind. The fault says what kept it from answering, and what to do. */
function reachable({ addresses, connectedMs, fault }: Findings, { address }: Here): Check {
  const name = 'reachable';
  const where = showAddress(address);
  const known = addresses.filter((one) => one !== address.host).join(', ');
  const text = known === '' ? where : `${where} (${known})`;
  if (connectedMs !== undefined) return ok(name, `${text}, welcomed after ${ms(connectedMs)}`);
  if (isMillraceError(fault, 'FAKTORY_PASSWORD', 'FAKTORY_VERSION')) return ok(name, text);
  return { name, verdict: 'FAIL', text: messageOf(fault) };
}

/** What ended the look after it had begun; a fault of the password or the way is told in its own place. */
function interrupted({ connectedMs }: Findings, fault: MillraceError): Check[] {
  if (fault.code === 'FAKTORY_VERSION') return [{ name: 'version', verdict: 'FAIL', text: fault.message }];
  if (connectedMs === undefined) return [];
  const name = fault.code === 'CONNECTION_LIMIT' ? 'connections' : 'answers';
  return [{ name, verdict: 'FAIL', text: fault.message, todo: 'the checks after this were left out' }];
}

function version({ version: told }: ServerFindings): Check {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(told) ?? [];
  if (major === undefined) return warn('version', `"${told}"`, 'millrace knows 1.9.4 and 1.10.0');
  if (Number(major) > 1 || Number(minor) >= 10) return ok('version', told);
  return warn('version', told, 'go to 1.10.0 or newer: it has three security fixes that this one lacks');
}

function server({ description, uptimeSeconds, memoryMb }: ServerFindings): Check {
  return ok('server', `${description}, up for ${duration(uptimeSeconds)}, memory ${count(memoryMb)} MB`);
}

function passwordCheck({ isOpen, connectedMs, fault }: Findings, { address }: Here): Check[] {
  const name = 'password';
  if (isMillraceError(fault, 'FAKTORY_PASSWORD')) return [{ name, verdict: 'FAIL', text: fault.message }];
  if (connectedMs === undefined) return [];
  const isNear = isLoopback(address.host);
  const todo =
    'whoever reaches it may read and delete every job: give Faktory a password (its FAKTORY_PASSWORD)';
  if (address.password === undefined) {
    if (isNear) return [ok(name, 'none is set, none is asked for; Faktory is on loopback')];
    return [warn(name, 'none is set, none is asked for', `${todo}, and set the same here`)];
  }
  switch (isOpen) {
    case undefined:
      return [ok(name, 'set and accepted')];
    case false:
      return [ok(name, 'set and accepted; without it nobody is let in')];
    case true:
      if (isNear) return [ok(name, 'set, but Faktory asks for none; it is on loopback')];
      return [warn(name, 'set, but Faktory asks for none', todo)];
    default:
      return isOpen satisfies never;
  }
}

function tlsCheck({ tls, connectedMs, addresses }: Findings, { address }: Here): Check[] {
  const name = 'TLS';
  if (connectedMs === undefined) return [];
  if (!address.tls) {
    if (isLoopback(address.host)) return [ok(name, 'not used; Faktory is on loopback')];
    if (addresses.length > 0 && addresses.every(isPrivate))
      return [ok(name, 'not used: right only on a private network that you trust')];
    const todo = 'everything can be read on the way: use tcp+tls://, or a VPN or tunnel';
    return [warn(name, 'not used', todo)];
  }
  if (tls === undefined) return [ok(name, 'used')];
  const used = tls.protocol === undefined ? 'used' : `used (${tls.protocol})`;
  if (!tls.verified) {
    const todo =
      'anyone between may pose as Faktory: unset NODE_TLS_REJECT_UNAUTHORIZED, name the authority in NODE_EXTRA_CA_CERTS';
    return [warn(name, `${used}, but the certificate is not verified`, todo)];
  }
  if (tls.validTo === undefined) return [ok(name, `${used}, the certificate is verified`)];
  const text = `${used}, the certificate is verified and good until ${tls.validTo.toISOString().slice(0, 10)}`;
  const days = (tls.validTo.getTime() - Date.now()) / DAY_MS;
  return [days < CERTIFICATE_WARN_DAYS ? warn(name, text, 'renew it') : ok(name, text)];
}

function roundTrip({ samples, median, p99, jitter }: NonNullable<Findings['roundTrips']>): Check {
  const text = `median ${ms(median)}, p99 ${ms(p99)}, jitter ${ms(jitter)} (${samples} BEATs)`;
  if (p99 <= 5 * median + 20) return ok('round trip', text);
  return warn('round trip', text, 'it is uneven: a wireless or full link, or a busy machine at either end');
}

function connections({ connections: used }: ServerFindings, { maxConnections, processes }: Here): Check {
  const name = 'connections';
  const most = maxConnections * processes;
  const text =
    `${count(used)} of ${count(FAKTORY_CONNECTIONS)} in use, this one among them, ` +
    `${count(Math.max(0, FAKTORY_CONNECTIONS - used))} left; FAKTORY_MAX_CONNECTIONS × processes = ${count(maxConnections)} × ${count(processes)} = ${count(most)} at most from here`;
  if (used - 1 + most <= FAKTORY_CONNECTIONS) return ok(name, text);
  const todo = `together that may be more than Faktory takes: lower FAKTORY_MAX_CONNECTIONS (a worker opens at most ${SOCKETS_A_WORKER}), or run fewer processes`;
  return warn(name, text, todo);
}

function clock({ clock: found }: ServerFindings): Check {
  if (found === undefined) return warn('clock', "INFO does not tell Faktory's time", 'compare the clocks');
  const { aheadMs, uncertainMs } = found;
  const which = aheadMs < 0 ? 'behind' : 'ahead of';
  const text = `Faktory's is ${ms(Math.abs(aheadMs))} ${which} this machine's, give or take ${ms(uncertainMs)}`;
  if (Math.abs(aheadMs) - uncertainMs <= CLOCK_WARN_MS) return ok('clock', text);
  return warn('clock', text, "`at` is judged by Faktory's clock: set both by NTP");
}

/** Networks that are not of the Internet (RFC 1918, 4193, 3927, 4291) and loopback. */
const PRIVATE = new BlockList();
for (const [net, prefix] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  ['127.0.0.0', 8],
] as const)
  PRIVATE.addSubnet(net, prefix, 'ipv4');
PRIVATE.addSubnet('fc00::', 7, 'ipv6');
PRIVATE.addSubnet('fe80::', 10, 'ipv6');
PRIVATE.addAddress('::1', 'ipv6');

const isPrivate = (address: string): boolean => PRIVATE.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
