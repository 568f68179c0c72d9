/** The API with all that is on by default, and a token. */
import { Client } from 'millrace';
import { startApi } from 'millrace/api';
import { answerCalls, own } from './ask.mjs';

answerCalls({
  ...own,
  async start({ url, token }) {
    const client = await new Client({ url, logger: false }).connect();
    const api = await startApi({ client, host: '127.0.0.1', port: 0, token, logger: false });
    return api.url;
  },
});
