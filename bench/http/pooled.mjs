/** What people write without millrace: a Fastify route, and one PUSH a request through npm faktory-worker's pool. */
import faktory from 'faktory-worker';
import Fastify from 'fastify';
import { answerCalls, own } from './ask.mjs';

const app = Fastify();

answerCalls({
  ...own,
  async start({ url, poolSize }) {
    const { hostname, port } = new URL(url);
    const client = await faktory.connect({ host: hostname, port: Number(port), poolSize });
    app.post('/jobs/:jobtype', async (request, reply) => {
      const jid = await client.job(request.params.jobtype, request.body).push();
      return reply.code(202).send({ jid, queue: 'default' });
    });
    return app.listen({ port: 0, host: '127.0.0.1' });
  },
});
