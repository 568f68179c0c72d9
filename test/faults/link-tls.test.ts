import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import tls from 'node:tls';
import { expect, it, vi } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { selfSigned } from '../connection/certificate.ts';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { type RealFaktory, startRealFaktory } from '../helpers/real-faktory.ts';
import { startRelay } from '../helpers/relay.ts';
import { until } from '../helpers/until.ts';
import { Ledger } from './ledger.ts';
import { Faults, localWorker, outcomeOf, pushJobs, Watch } from './local.ts';

interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const valid = selfSigned();
const elsewhere = selfSigned('faktory.example');

/** Its hour was two days ago. */
function expiredCertificate(): Certificate {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 2 * 86_400_000 });
  try {
    return selfSigned();
  } finally {
    vi.useRealTimers();
  }
}

const WRONG: { what: string; bad: Certificate; why: RegExp }[] = [
  { what: 'expired', bad: expiredCertificate(), why: /TLS failed \(CERT_HAS_EXPIRED\)/ },
  { what: 'for another host', bad: elsewhere, why: /TLS failed \(ERR_TLS_CERT_ALTNAME_INVALID\).*localhost/ },
];

describeOnRealFaktory('TLS', () => {
  it.concurrent.for(WRONG)(
    'row 26: a certificate $what: worker and client stay away and name it; with a good one they go on',
    async ({ what, bad, why }) => {
      using ledger = new Ledger({ row: 26, name: `TLS certificate ${what}` });
      await using faktory = await startRealFaktory();
      await using front = await TlsFront.start(faktory, bad);
      const tlsOptions = { ca: [bad.cert, valid.cert] };
      await using client = new Client({
        url: front.url,
        logger: false,
        tlsOptions,
        deliveryTimeoutMs: 30_000,
      });
      await using worker = localWorker(ledger, front.url, { tlsOptions });
      const faults = new Faults(worker);
      const connecting = outcomeOf(client.connect());
      const working = worker.work();
      const pushed = pushJobs(ledger, client, 50);
      expect(await connecting).toMatch(why);
      await until(() => faults.all.length > 2);
      const accepted = front.bytes;
      front.show(valid);
      ledger.cleared();
      await working;
      await pushed;
      await until(() => ledger.missing().length === 0, { timeoutMs: 30_000 });
      ledger.note('faults', faults.shown);
      expect(ledger.settle()).toMatchObject({ lost: 0, twice: 0, executed: 50 });
      // Not one byte of the protocol went to who could not prove to be Faktory.
      expect(accepted).toBe(0);
      for (const { code, message } of faults.all) {
        expect(code).toBe('FAKTORY_UNREACHABLE');
        expect(message).toMatch(why);
      }
    },
  );

  it.concurrent('row 26: TLS to a plain Faktory, and plain to a TLS one: both fail closed, named', async () => {
    using ledger = new Ledger({ row: 26, name: 'TLS and plain mixed' });
    await using faktory = await startRealFaktory({ password: 's3cret-of-faktory' });
    await using plain = await startRelay(faktory.url, { messages: true });
    await using front = await TlsFront.start(faktory, valid);
    const heard = new Watch(plain, 'up', /HELLO|pwdhash|s3cret/);
    await using tlsToPlain = localWorker(ledger, plain.url.replace('tcp://', 'tcp+tls://'));
    await using plainToTls = localWorker(ledger, `tcp://:s3cret-of-faktory@localhost:${front.port}`);
    const [first, second] = [new Faults(tlsToPlain), new Faults(plainToTls)];
    const started = [tlsToPlain.work(), plainToTls.work()];
    await until(() => first.all.length > 1 && second.all.length > 0, { timeoutMs: 30_000 });
    ledger.note('TLS to plain', first.shown);
    ledger.note('plain to TLS', second.shown);
    ledger.settle();
    expect(first.all[0]!.message).toMatch(/Faktory there does not speak TLS: use tcp:\/\//);
    expect(second.all[0]!.message).toMatch(
      /did not finish the handshake|closed the connection during the handshake/,
    );
    expect({ heard: heard.count, bytes: front.bytes }).toEqual({ heard: 0, bytes: 0 });
    expect([tlsToPlain.connected, plainToTls.connected]).toEqual([false, false]);
    await Promise.all([tlsToPlain.stop(), plainToTls.stop()]);
    await Promise.all(started);
  });
});

/** Ends TLS before a Faktory, as a proxy does. */
class TlsFront implements AsyncDisposable {
  /** What clients have said inside of TLS, in bytes. */
  bytes = 0;
  readonly #server: tls.Server;
  readonly #sockets = new Set<Socket>();

  private constructor(faktory: RealFaktory, certificate: Certificate) {
    this.#server = tls.createServer({ ...certificate }, (client) => {
      const inner = connect({ host: faktory.host, port: faktory.port });
      for (const socket of [client, inner]) {
        this.#sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          client.destroy();
          inner.destroy();
        });
      }
      client.on('data', (chunk) => {
        this.bytes += chunk.length;
      });
      client.pipe(inner).pipe(client);
    });
    this.#server.on('tlsClientError', () => {});
  }

  static async start(faktory: RealFaktory, certificate: Certificate): Promise<TlsFront> {
    const front = new TlsFront(faktory, certificate);
    front.#server.listen(0, '127.0.0.1');
    await once(front.#server, 'listening');
    return front;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `tcp+tls://localhost:${this.port}`;
  }

  /** From now on this certificate is shown. */
  show(certificate: Certificate): void {
    this.#server.setSecureContext(certificate);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
