import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startRelay } from '../../src/bench/relay.ts';

/** Sends back what it gets, and ends when the other side does. */
async function startEcho() {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {}).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, sockets, port: (server.address() as AddressInfo).port };
}

async function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  await once(socket, 'end');
  return text;
}

describe.each([0, 10])('the relay of the bench, %d ms one way', (delayMs) => {
  it('keeps the order, counts both ways, and passes the end on after the last byte', async () => {
    const echo = await startEcho();
    const relay = await startRelay({ host: '127.0.0.1', port: echo.port, delayMs });
    const socket = connect({ port: relay.port, host: '127.0.0.1', noDelay: true });
    const all = readAll(socket);
    const sent = Array.from({ length: 2_000 }, (_, i) => `line ${i}\n`);
    const startedAt = performance.now();
    for (const [i, line] of sent.entries()) {
      socket.write(line);
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    socket.end();
    expect(await all).toBe(sent.join(''));
    // Never early: a parcel may leave a millisecond before its time.
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(2 * Math.max(0, delayMs - 1));
    expect(relay.bytes).toBe(2 * sent.join('').length);
    relay.close();
    echo.server.close();
  });

  it('passes more than it holds at once, to one that reads late', async () => {
    const echo = await startEcho();
    const relay = await startRelay({ host: '127.0.0.1', port: echo.port, delayMs });
    const socket = connect({ port: relay.port, host: '127.0.0.1' });
    const all = readAll(socket);
    socket.end(Buffer.alloc(24 * 1024 * 1024, 'x'));
    expect((await all).length).toBe(24 * 1024 * 1024);
    relay.close();
    echo.server.close();
  });

  it('tells of a reset', async () => {
    const echo = await startEcho();
    const relay = await startRelay({ host: '127.0.0.1', port: echo.port, delayMs });
    const socket = connect({ port: relay.port, host: '127.0.0.1' });
    socket.on('error', () => {});
    socket.write('x');
    await once(socket, 'data');
    echo.sockets[0]!.resetAndDestroy();
    await once(socket, 'close');
    relay.close();
    echo.server.close();
  });
});
