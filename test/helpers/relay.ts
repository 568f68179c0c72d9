import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Address, faktoryUrl } from './faktory-url.ts';
import { freePort } from './free-port.ts';
import { type Conditions, TokenBucket } from './relay/conditions.ts';
import { RelayConnection } from './relay/connection.ts';
import { type PlacedRule, type Rule, Rules, type Side } from './relay/rules.ts';

export type { Act, PlacedRule, Rule, Side } from './relay/rules.ts';

export interface RelayOptions {
  /** One way, in each direction: 25 makes a round trip of 50 ms. Default 0. */
  delayMs?: number;
  /** Looks at messages, so that rules can be placed. Costs a little, so it is off by default. */
  messages?: boolean;
  /** Default: a free one. */
  port?: number;
  /** Bytes that a direction of a connection holds before its sender waits. Default 16 MiB. */
  bufferBytes?: number;
}

/** Where the relay leads: a Faktory's URL, whose password and scheme the relay's own URL keeps, or an address. */
export type RelayTarget = string | Address;

/** Starts a relay on loopback. See `Relay`; benchmarks take `startRelayProcess`, which has an event loop of its own. */
export async function startRelay(target: RelayTarget, options: RelayOptions = {}): Promise<Relay> {
  const relay = new Relay(target, options, options.port ?? (await freePort()));
  await relay.refuse(false);
  return relay;
}

/**
 * A TCP relay that stands for a network: it adds latency to a Faktory on the same machine and makes the faults
 * that networks make. The relay accepts a connection at once, so of a handshake over a slow network one round trip
 * is missing; everything after it is late as it would be.
 */
export class Relay implements AsyncDisposable {
  readonly host = '127.0.0.1';
  readonly port: number;
  /** As the target's, but leading here. */
  readonly url: string;
  /** Connections accepted since the start. */
  accepted = 0;
  /** The most that were open at once. */
  peak = 0;
  /** When each was accepted, by performance.now(); the newest 100,000. */
  readonly acceptedAt: number[] = [];
  /** Bytes that arrived since the start. */
  readonly bytes: Record<Side, number> = { up: 0, down: 0 };
  readonly #target: Address;
  readonly #conditions: Record<Side, Conditions>;
  readonly #rules: Rules | undefined;
  readonly #connections = new Set<RelayConnection>();
  #server: Server | undefined;
  #blackhole = false;

  constructor(target: RelayTarget, options: RelayOptions, port: number) {
    this.port = port;
    this.#target = typeof target === 'string' ? addressOf(target) : { host: target.host, port: target.port };
    this.url = typeof target === 'string' ? leadTo(target, this) : faktoryUrl(this);
    this.#rules = options.messages ? new Rules() : undefined;
    const conditions = (): Conditions => ({
      delayMs: options.delayMs ?? 0,
      stalled: false,
      sliceBytes: 0,
      throttle: undefined,
      bufferBytes: options.bufferBytes ?? 16 * 1024 * 1024,
    });
    this.#conditions = { up: conditions(), down: conditions() };
  }

  /** How many are open now, those lost in a black hole included. */
  get connections(): number {
    return this.#connections.size;
  }

  /** One way. What is on its way keeps the time it was given, and the order. */
  setDelay(delayMs: number, side?: Side): void {
    this.#change(side, (conditions) => {
      conditions.delayMs = delayMs;
    });
  }

  /** Nothing passes until `thaw`; nothing is lost. New connections are accepted and wait as well. */
  freeze(side?: Side): void {
    this.#change(side, (conditions) => {
      conditions.stalled = true;
    });
  }

  thaw(side?: Side): void {
    this.#change(side, (conditions) => {
      conditions.stalled = false;
    });
  }

  /** Bytes leave in slices of so many, each by itself; 0 ends it. */
  slice(bytes: number, side?: Side): void {
    this.#change(side, (conditions) => {
      conditions.sliceBytes = bytes;
    });
  }

  /** Limits each direction, of all connections together; 0 ends it. */
  throttle(bytesPerSecond: number, side?: Side): void {
    this.#change(side, (conditions) => {
      conditions.throttle = bytesPerSecond > 0 ? new TokenBucket(bytesPerSecond) : undefined;
    });
  }

  /**
   * While on, all connections, and those that come, lead nowhere: bytes are taken and dropped, and no end is ever
   * told to the other side (half-open both ways). Connections met by it stay lost; after it new ones work.
   */
  blackhole(on: boolean): void {
    this.#blackhole = on;
    if (on) for (const connection of this.#connections) connection.lose();
  }

  /** Ends all connections now: by FIN, or by RST with `{ reset: true }`. Bytes on their way are lost. */
  cut({ reset = false } = {}): void {
    for (const connection of this.#connections) connection.cut(reset ? 'rst' : 'fin');
  }

  /** While on, new connections meet ECONNREFUSED; those that are open live on. */
  async refuse(on: boolean): Promise<void> {
    if (on) {
      this.#server?.close();
      this.#server = undefined;
    } else {
      this.#server ??= await listen(this, (client) => this.#accept(client));
    }
  }

  /** Places a fault that waits for a command or reply: see Rule. Needs the option `messages`. */
  rule(rule: Rule): PlacedRule {
    if (!this.#rules) throw new Error('rules need a relay that was started with { messages: true }');
    return this.#rules.place(rule);
  }

  /** Stops listening and ends all connections. Safe to call twice. */
  async close(): Promise<void> {
    await this.refuse(true);
    this.cut();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept(client: Socket): void {
    this.accepted++;
    if (this.acceptedAt.push(performance.now()) > 100_000) this.acceptedAt.splice(0, 50_000);
    const faktory = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    const connection: RelayConnection = new RelayConnection({
      client,
      faktory,
      up: this.#conditions.up,
      down: this.#conditions.down,
      rules: this.#rules,
      count: (side, bytes) => {
        this.bytes[side] += bytes;
      },
      closed: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
    this.peak = Math.max(this.peak, this.#connections.size);
    if (this.#blackhole) connection.lose();
  }

  #change(side: Side | undefined, change: (conditions: Conditions) => void): void {
    if (side !== 'down') change(this.#conditions.up);
    if (side !== 'up') change(this.#conditions.down);
    for (const connection of this.#connections) connection.release();
  }
}

function listen({ host, port }: Address, accept: (client: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: 2_048 }, () => resolve(server));
  });
}

function addressOf(url: string): Address {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port || 7419) };
}

function leadTo(url: string, { host, port }: Address): string {
  const leading = new URL(url);
  leading.host = `${host}:${port}`;
  return leading.href;
}
