/**
 * Are the addresses of the nodes free? Asked once before anything starts. Nodes share SIP ports by SO_REUSEPORT, so
 * without this a second cluster would silently take a part of the first one's packets.
 */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { HostPort } from '../config/address.ts';
import type { Config } from '../config/config.ts';

/**
 * @param sip `alone`: nobody else may have the SIP addresses; `shared`: other nodes may, by SO_REUSEPORT, other programs not
 * @throws the system's error, with `address` and `port`, for the first one that cannot be had
 */
export async function checkAddresses(configs: readonly Config[], sip: 'alone' | 'shared' = 'alone'): Promise<void> {
  const reusePort = sip === 'shared';
  for (const { listen } of configs.slice(0, 1)) {
    for (const one of listen) {
      if (one.protocol === 'udp') await checkUdp(one, reusePort);
      else if (one.protocol === 'tcp') await checkTcp(one, reusePort);
    }
  }
  for (const { node, admin } of configs) {
    await checkTcp(node.link);
    await checkTcp(admin.listen);
  }
}

async function checkTcp({ host, port }: HostPort, reusePort = false): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true, reusePort }, () => server.close(() => resolve()));
  });
}

async function checkUdp({ host, port }: HostPort, reusePort: boolean): Promise<void> {
  const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', reusePort });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve()));
  });
}
