import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { expect, it } from 'vitest';
import { awaitBody, limitArrivals, takeItsTime } from '../../src/api/arrivals.ts';
import { Problem } from '../../src/api/problem.ts';
import { until } from '../helpers/until.ts';

const LIMIT_MS = 150;

/** An app that echoes bodies, with the limit of 150 ms. */
async function start(): Promise<FastifyInstance> {
  const app = Fastify({ bodyLimit: 1_000 });
  limitArrivals(app, { limitMs: LIMIT_MS, everyMs: 10 });
  app.addHook('onRequest', (request, reply, done) => {
    awaitBody(request, reply);
    done();
  });
  app.post('/echo', (request) => ({ got: request.body }));
  app.post('/slow', { onRequest: takeItsTime }, (request) => ({ got: request.body }));
  app.post('/refused', { onRequest: async () => Promise.reject(new Problem('UNAUTHORIZED')) }, () => '');
  await app.listen({ host: '127.0.0.1', port: 0 });
  return app;
}

async function open(app: FastifyInstance): Promise<{ socket: Socket; text: () => string }> {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  let text = '';
  socket
    .on('error', () => {})
    .on('data', (bytes) => {
      text += bytes.toString();
    });
  await once(socket, 'connect');
  return { socket, text: () => text };
}

const head = (path: string, length = 7): string =>
  `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;

it('answers 408 to a body that does not come, and ends the connection', async () => {
  const app = await start();
  const { socket, text } = await open(app);
  // Now and then a byte, so that no idle rule finds it.
  socket.write(`${head('/echo', 100)}{`);
  const drip = setInterval(() => socket.write(' '), 10);
  await once(socket, 'close');
  clearInterval(drip);
  expect(text()).toMatch(/^HTTP\/1\.1 408 [\s\S]*connection: close[\s\S]*"REQUEST_TIMEOUT"/);
  await app.close();
});

it('counts for each request anew, and not while a connection is idle', async () => {
  const app = await start();
  const { socket, text } = await open(app);
  const answers = () => text().split('HTTP/1.1 200').length - 1;
  const start0 = performance.now();
  for (let sent = 1; performance.now() - start0 < 3 * LIMIT_MS; sent += 1) {
    socket.write(head('/echo'));
    const half = performance.now();
    await until(() => performance.now() - half > LIMIT_MS / 5);
    socket.write('{"a":1}');
    await until(() => answers() === sent);
  }
  const idle = performance.now();
  await until(() => performance.now() - idle > 2 * LIMIT_MS);
  const before = answers();
  socket.write(`${head('/echo')}{"a":1}`);
  await until(() => answers() === before + 1);
  socket.destroy();
  await app.close();
});

it('leaves those alone that may take their time', async () => {
  const app = await start();
  const { socket, text } = await open(app);
  socket.write(head('/slow'));
  const began = performance.now();
  await until(() => performance.now() - began > 3 * LIMIT_MS);
  socket.write('{"a":1}');
  await until(() => text().includes('{"got":{"a":1}}'));
  socket.destroy();
  await app.close();
});

it('cuts off who was refused and goes on sending', async () => {
  const app = await start();
  const { socket, text } = await open(app);
  socket.write(head('/refused', 1_000));
  const drip = setInterval(() => socket.write(' '), 10);
  await once(socket, 'close');
  clearInterval(drip);
  expect(text().match(/HTTP\/1\.1/g)).toHaveLength(1);
  await app.close();
});
