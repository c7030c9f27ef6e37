/** Where everything of a run listens: addresses of 127.0.0.0/8 only, and twenty ports from a base. */
import { createServer } from 'node:net';
import type { Endpoint } from '../network.ts';

export const firstPort = 23_000;
const lastPort = 23_980;
const step = 20;

/** The address that stands in Via and Record-Route; nobody listens there but the balancer in our network. */
export const clusterAddress = '127.0.0.10';

export function nodeAddress(index: number): string {
  return `127.0.0.${11 + index}`;
}

export function phoneAddress(user: number, device: number): string {
  return `127.1.${user}.${device + 1}`;
}

export const offsets = { sip: 0, link: 1, advertisedLink: 2, admin: 3, storeWay: 4, store: 5, phone: 10, sipp: 12 };

/** A base whose ports nobody has. @throws when every one is taken */
export async function freeBase(seed: number): Promise<number> {
  const count = (lastPort - firstPort) / step;
  for (let attempt = 0; attempt < count; attempt++) {
    const base = firstPort + ((seed + attempt) % count) * step;
    const wanted = [offsets.link, offsets.advertisedLink, offsets.admin, offsets.store];
    const free = await Promise.all(wanted.map((offset) => isFree({ address: nodeAddress(0), port: base + offset })));
    if (free.every(Boolean)) return base;
  }
  throw new Error(`all ports from ${firstPort} to ${lastPort} are taken`);
}

function isFree({ address, port }: Endpoint): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
