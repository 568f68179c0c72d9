/** The sweep: starts what it needs, measures run after run, leaves nothing behind. */
import { isIP } from 'node:net';
import { type Address, parseAddress, showAddress } from '../connection/address.ts';
import { MillraceError } from '../errors.ts';
import { type Measured, measure } from './cell.ts';
import { Child } from './child.ts';
import type { Figure } from './classify.ts';
import { drain, fill, roundTrip } from './queue.ts';
import type { Cell, Run } from './sweep.ts';
import type { Reach } from './worker-order.ts';

export interface SweepOptions {
  /** In the order of measuring. */
  readonly runs: readonly Run[];
  /** undefined: an embedded one is started for the bench. */
  readonly faktory: Address | undefined;
  /** In the queue at the start of each measurement. */
  readonly jobs: number;
  /** The longest a measurement takes. */
  readonly seconds: number;
  readonly jobTimeMs: number;
  /** Ends it after what is under way; what was measured is returned. */
  readonly signal: AbortSignal;
  readonly onStep: (step: Step) => void;
}

export type Step =
  | { readonly doing: 'run'; readonly run: Run; readonly number: number }
  | { readonly doing: 'done'; readonly figure: Figure }
  | { readonly doing: 'emptying' };

/** One figure a run. Throws what keeps Faktory away, NOT_DRAINED, INTERNAL. */
export async function sweep(options: SweepOptions): Promise<Figure[]> {
  const { faktory: address, onStep } = options;
  if (address === undefined) return measureAll(options, (cell) => measureOnFreshFaktory(options, cell));
  const reach = reachOf(address);
  // Of a bench that was killed, perhaps.
  await drain(reach);
  let held = 0;
  try {
    return await measureAll(options, async (cell) => {
      held = await fill(reach, held, options.jobs, options.signal);
      const measured = await measureThroughRelay(options, cell, address);
      held = Math.max(0, held - measured.taken);
      return measured;
    });
  } finally {
    onStep({ doing: 'emptying' });
    await drain(reach);
  }
}

async function measureAll(
  { runs, signal, onStep }: SweepOptions,
  measureCell: (cell: Cell) => Promise<Measured>,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [i, run] of runs.entries()) {
    if (signal.aborted) break;
    onStep({ doing: 'run', run, number: i + 1 });
    const { latencyMs, concurrency, prefetch } = run;
    const { figure } = await measureCell({ latencyMs, concurrency, prefetch });
    if (figure === undefined) break;
    figures.push(figure);
    onStep({ doing: 'done', figure });
  }
  return figures;
}

/** An embedded Faktory a run: nothing that a worker before has left at it, wake tokens for one, is in the way. */
async function measureOnFreshFaktory(options: SweepOptions, cell: Cell): Promise<Measured> {
  await using faktory = new Child('faktory');
  const address = parseAddress(await faktory.call<string>('start'));
  await fill(reachOf(address), 0, options.jobs, options.signal);
  return await measureThroughRelay(options, cell, address, faktory);
}

async function measureThroughRelay(
  options: SweepOptions,
  cell: Cell,
  address: Address,
  faktory?: Child,
): Promise<Measured> {
  await using relay = new Child('relay');
  const port = await relay.call<number>('start', address.host, address.port, cell.latencyMs / 2);
  const reach = throughRelay(address, port);
  const roundTripMs = await roundTrip(reach);
  return await measure({ ...options, cell, relay, faktory, reach, roundTripMs });
}

function reachOf(address: Address): Reach {
  const { password } = address;
  return { url: showAddress(address), ...(password === undefined ? {} : { password }) };
}

/** A certificate is checked against Faktory's name, not the relay's. */
function throughRelay(address: Address, port: number): Reach {
  const reach = reachOf({ ...address, host: '127.0.0.1', port });
  return address.tls ? { ...reach, tlsOptions: { servername: address.host } } : reach;
}

/** Throws ADDRESS_INVALID for one that the bench cannot put its relay before. */
export function checkAddress(address: Address): void {
  if (!address.tls || isIP(address.host) === 0) return;
  throw new MillraceError(
    'ADDRESS_INVALID',
    `FAKTORY_URL is "${showAddress(address)}": with TLS the bench needs the name of the host, not its address`,
  );
}
