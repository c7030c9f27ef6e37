/** A TCP proxy in front of a server that can hold back what comes from clients, as a network does that has a hole. */
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface Proxy {
  readonly port: number;
  /** From now on nothing of the connections that exist now goes through, in either direction, nor are they closed. */
  hold(): void;
  /** What was held back reaches the server, although the client may have closed the connection long ago. */
  release(): void;
}

export async function proxyTo(t: TestContext, port: number, listenPort: number): Promise<Proxy> {
  const pairs = new Set<{ client: Socket; server: Socket; held: Buffer[] | undefined }>();
  const listener: Server = createServer({ allowHalfOpen: true }, (client) => {
    const server = connect({ port, host: '127.0.0.1' });
    const pair = { client, server, held: undefined as Buffer[] | undefined };
    pairs.add(pair);
    client.on('data', (octets: Buffer) => {
      if (pair.held === undefined) server.write(octets);
      else pair.held.push(octets);
    });
    server.on('data', (octets: Buffer) => {
      if (pair.held === undefined) client.write(octets);
    });
    for (const socket of [client, server]) socket.on('error', () => undefined);
    client.on('close', () => {
      if (pair.held === undefined) server.destroy();
    });
    server.on('close', () => client.destroy());
  });
  t.after(() => {
    for (const { client, server } of pairs) {
      client.destroy();
      server.destroy();
    }
    listener.close();
  });
  await new Promise<void>((resolve) => listener.listen({ port: listenPort, host: '127.0.0.1' }, resolve));
  return {
    port: listenPort,
    hold: () => {
      for (const pair of pairs) pair.held ??= [];
    },
    release: () => {
      for (const { server, held } of pairs) for (const octets of held ?? []) server.write(octets);
    },
  };
}
