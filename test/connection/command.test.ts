import { describe, expect, it } from 'vitest';
import { request } from '../../src/connection/command.ts';
import { linked } from './ask.ts';
import { bulk, Peer } from './peer.ts';

describe('request', () => {
  it('resolves to the text of the reply, null for none', async () => {
    const replies = ['+OK\r\n', bulk('{"a":"ü"}'), '$-1\r\n', bulk('')];
    await using peer = await Peer.start(() => replies.shift());
    const { connection } = await linked({ address: peer.address });
    const answers = await Promise.all(['A', 'B', 'C', 'D'].map((verb) => request(connection, `${verb}\r\n`)));
    expect(answers).toEqual(['OK', '{"a":"ü"}', null, '']);
    connection.destroy();
  });

  it.each(['FAIL {"message":"secret"}\r\n', 'FAIL\r\n'])(
    'rejects with what Faktory said, of the command only its verb: %j',
    async (command) => {
      await using peer = await Peer.start(() => '-ERR Job not found 123\r\n');
      const { connection } = await linked({ address: peer.address });
      await expect(request(connection, command)).rejects.toMatchObject({
        code: 'COMMAND_REFUSED',
        message: 'Faktory refused FAIL: ERR Job not found 123',
      });
      connection.destroy();
    },
  );

  it('rejects a reply that is too large, and the connection lives on', async () => {
    const replies = [bulk('x'.repeat(100)), '+OK\r\n'];
    await using peer = await Peer.start(() => replies.shift());
    const { connection } = await linked({ address: peer.address, maxReplyBytes: 10 });
    await expect(request(connection, 'INFO\r\n')).rejects.toMatchObject({ code: 'PROTOCOL_VIOLATION' });
    expect(await request(connection, 'INFO\r\n')).toBe('OK');
    connection.destroy();
  });

  it('rejects when the connection ends first', async () => {
    await using peer = await Peer.start((_command, at) => {
      at.reset();
      return undefined;
    });
    const { connection } = await linked({ address: peer.address });
    await expect(request(connection, 'INFO\r\n')).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    await expect(request(connection, 'INFO\r\n')).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  });
});
