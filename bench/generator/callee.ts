/** Answers every INVITE and BYE at once with 200: the phones of all users. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { answer, linesOf } from './messages.ts';

export async function openCallee(port: number, domain: string): Promise<{ close(): void }> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 8 << 20, sendBufferSize: 8 << 20 });
  const party = { domain, address: '127.0.0.1', port };
  socket.on('message', (bytes, from) => {
    const lines = linesOf(bytes);
    if (!/^(?:INVITE|BYE) /.test(lines[0]!)) return;
    socket.send(Buffer.from(answer(lines, party, 200), 'latin1'), from.port, from.address);
  });
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  return { close: () => void socket.close() };
}
