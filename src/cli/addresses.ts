/**
 * Are the addresses of the nodes free? Asked once before anything starts. Nodes share SIP ports by SO_REUSEPORT, so
 * without this a second cluster would silently take a part of the first one's packets.
 */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { HostPort } from '../config/address.ts';
import type { Config } from '../config/config.ts';

/** @throws the system's error, with `address` and `port`, for the first one that cannot be had */
export async function checkAddresses(configs: readonly Config[]): Promise<void> {
  for (const { listen } of configs.slice(0, 1)) {
    for (const one of listen) {
      if (one.protocol === 'udp') await checkUdp(one);
      else if (one.protocol === 'tcp') await checkTcp(one);
    }
  }
  for (const { node, admin } of configs) {
    await checkTcp(node.link);
    await checkTcp(admin.listen);
  }
}

async function checkTcp({ host, port }: HostPort): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}

async function checkUdp({ host, port }: HostPort): Promise<void> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve()));
  });
}
