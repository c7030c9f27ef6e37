/** SIP over TCP (RFC 3261 18): the listeners of one thread, and the sockets of its connections (src/transport). */
import { connect, createServer, isIP, isIPv6 } from 'node:net';
import type { Server, Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Flow } from '../outside.ts';
import { StreamConnections, sweepMs } from '../transport/connections.ts';
import type { ConnectionsOptions, ConnectionsStats } from '../transport/connections.ts';
import { listenError } from './reuse-port.ts';

export interface TcpListenOptions {
  /** Our IP address: a literal. */
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Index into the configured listeners, for the flows. */
  readonly listener: number;
  /** Share the port with other threads and processes. Rejects with `ReusePortUnsupported` where that is impossible. */
  readonly reusePort: boolean;
}

const tcpKeepAliveMs = 60_000;
const backlog = 1_024;

export class TcpTransport {
  readonly #options: ConnectionsOptions;
  readonly #connections: StreamConnections;
  readonly #servers: Server[] = [];
  /** Our address of each listener, to dial from. */
  readonly #addresses = new Map<number, string>();
  /** While there are connections. */
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#connections = new StreamConnections(options, {
      dial: (flow) => this.#dial(flow),
      soon: (run) => void setImmediate(run),
    });
  }

  get stats(): ConnectionsStats {
    return this.#connections.stats;
  }

  get connections(): number {
    return this.#connections.count;
  }

  /** See StreamConnections. */
  get clients(): number {
    return this.#connections.clients;
  }

  /** Closes the listeners; the connections go on. */
  stopAccepting(): void {
    for (const server of this.#servers.splice(0)) server.close();
  }

  /** Opens a listener and gives its port. Rejects when the address is in use, not ours, or cannot be shared. */
  listen(options: TcpListenOptions): Promise<number> {
    const { address, port, listener, reusePort } = options;
    const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: tcpKeepAliveMs }, (socket) => {
      this.#connections.accept(socket, listener);
      this.#watch();
    });
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => reject(listenError(error, `tcp:${address}:${port}`, reusePort));
      server.once('error', fail);
      server.listen({ host: address, port, reusePort, exclusive: true, backlog }, () => {
        server.off('error', fail);
        server.on('error', (error) => this.#options.log.write('error', 'tcp-accept', { address, port, error }));
        this.#servers.push(server);
        this.#addresses.set(listener, address);
        const bound = server.address();
        resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
      });
    });
  }

  /** See StreamConnections. */
  send(flow: Flow, bytes: Uint8Array, token = ''): void {
    this.#connections.send(flow, bytes, token);
  }

  /** See StreamConnections. */
  end(flow: Flow, reason: string, last?: Uint8Array): void {
    this.#connections.end(flow, reason, last);
  }

  /** One line for each connection. */
  describe(): string[] {
    return this.#connections.describe();
  }

  /** Stops listening and ends every connection; resolves when all are gone. */
  async close(): Promise<void> {
    const servers = this.#servers
      .splice(0)
      .map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    this.#connections.endAll();
    await Promise.all(servers);
    await new Promise<void>((resolve) => {
      const check = setInterval(() => {
        if (this.#connections.count > 0) return;
        clearInterval(check);
        resolve();
      }, 10);
    });
    clearInterval(this.#sweeper);
  }

  #watch(): void {
    this.#sweeper ??= setInterval(() => {
      this.#connections.sweep();
      if (!this.#connections.isEmpty) return;
      clearInterval(this.#sweeper);
      this.#sweeper = undefined;
    }, sweepMs).unref();
  }

  #dial({ address, port, listener }: Flow): Socket | undefined {
    if (isIP(address) === 0 || !(port >= 1 && port <= 65_535)) return undefined;
    this.#watch();
    const own = this.#addresses.get(listener);
    const from = own === undefined || isIPv6(own) !== isIPv6(address) || !isOnlyHere(own) ? {} : { localAddress: own };
    return connect({
      host: address,
      port,
      ...from,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: tcpKeepAliveMs,
      autoSelectFamily: false,
    });
  }
}

/**
 * Whether what is sent to this address comes to this machine. Not so for all addresses at once, for one that another node
 * holds just now (a virtual IP), and for one on the loopback interface that other machines have as well (anycast): what a
 * peer answers to a connection from there could come to another node.
 */
function isOnlyHere(own: string): boolean {
  if (own === '::1' || own.startsWith('127.')) return true;
  for (const addresses of Object.values(networkInterfaces()))
    for (const { address, internal } of addresses ?? []) if (address === own) return !internal;
  return false;
}
