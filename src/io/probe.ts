/**
 * Asks the system whether an address can be had, by taking it for a moment: so that a node that cannot listen says so
 * before it becomes a member of a cluster. Our own nodes share their addresses, so they do not stand in each other's way.
 */
import { createServer } from 'node:net';
import type { Protocol } from '../outside.ts';
import { ReusePortUnsupported, listenError } from './reuse-port.ts';
import { openNodeUdp } from './node-udp.ts';

export interface ProbedAddress {
  readonly protocol: Protocol;
  readonly address: string;
  readonly port: number;
}

/** Rejects with the error that listening would give, with `address` and `port`. */
export async function probe(addresses: readonly ProbedAddress[]): Promise<void> {
  for (const each of addresses) {
    try {
      await (each.protocol === 'udp' ? probeUdp(each) : probeTcp(each));
    } catch (error) {
      // Then one of us holds it for all.
      if (!(error instanceof ReusePortUnsupported)) throw error;
    }
  }
}

async function probeUdp({ address, port }: ProbedAddress): Promise<void> {
  const ignore = (): void => undefined;
  const socket = await openNodeUdp({ address, port, listener: 0, reusePort: true, onMessage: ignore, onError: ignore });
  await socket.close();
}

function probeTcp({ address, port }: ProbedAddress): Promise<void> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, `tcp:${address}:${port}`, true) as Error));
    server.listen({ host: address, port, reusePort: true, exclusive: true }, () => server.close(() => resolve()));
  });
}
