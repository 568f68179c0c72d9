/** A bare Fastify route: what the framework takes. */
import Fastify from 'fastify';
import { answerCalls, own } from './ask.mjs';

const app = Fastify();
app.post('/jobs/:jobtype', (_request, reply) =>
  reply.code(202).send({ jid: 'abcdefghijklmnop', queue: 'default' }),
);

answerCalls({ ...own, start: () => app.listen({ port: 0, host: '127.0.0.1' }) });
