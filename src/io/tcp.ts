/**
 * SIP over TCP (RFC 3261 18): the listeners and connections of one thread. Connections are found again by their name
 * (`node/worker/number`) or, for a flow without one, by the peer's address and port; what is not found is dialled.
 */
import { connect, createServer, isIP, isIPv6 } from 'node:net';
import type { Server, Socket } from 'node:net';
import { limits } from '../limits.ts';
import type { Clock, Flow, Log } from '../outside.ts';
import type { ParseFailure } from '../sip/failure.ts';
import { listenError } from './reuse-port.ts';
import { TcpConnection } from './tcp-connection.ts';
import type { ConnectionHolder } from './tcp-connection.ts';

export interface TcpOptions {
  /** Node and worker, for the names of connections. */
  readonly node: string;
  readonly worker: number;
  readonly clock: Clock;
  readonly log: Log;
  /**
   * Connections are numbered from here. A node that comes back must not reuse a name: what still points to an old
   * connection would reach another client. Default 0.
   */
  readonly firstNumber?: number;
  /** Default `connectionsPerWorkerMax`. */
  readonly connectionsMax?: number;
  /** A whole message came. The octets are ours to keep. */
  onMessage(bytes: Buffer, flow: Flow): void;
  /** A message sent with this token has not left, and will not. */
  onUndelivered(token: string, flow: Flow): void;
  /** A connection is over: the flow leads nowhere from now on. */
  onClosed(flow: Flow, reason: string): void;
}

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

export interface TcpStats {
  accepted: number;
  dialled: number;
  /** Connections that were not accepted, or given up for a newer one, because there were too many. */
  refused: number;
  received: number;
  sent: number;
  undelivered: number;
  framingFailures: number;
  pingsAnswered: number;
  pingsIgnored: number;
  /** How connections ended, by reason. */
  readonly ends: Map<string, number>;
}

/** One timer looks at all connections that wait for something. */
const sweepMs = 250;
const tcpKeepAliveMs = 60_000;
const backlog = 1_024;

export class TcpTransport {
  readonly stats: TcpStats = {
    accepted: 0,
    dialled: 0,
    refused: 0,
    received: 0,
    sent: 0,
    undelivered: 0,
    framingFailures: 0,
    pingsAnswered: 0,
    pingsIgnored: 0,
    ends: new Map(),
  };
  readonly #options: TcpOptions;
  readonly #connectionsMax: number;
  readonly #holder: ConnectionHolder;
  readonly #servers: Server[] = [];
  /** Our address of each listener, to dial from. */
  readonly #addresses = new Map<number, string>();
  readonly #byName = new Map<string, TcpConnection>();
  readonly #byPeer = new Map<string, TcpConnection>();
  /** Accepted connections that have not brought a message yet, oldest first. */
  readonly #silent = new Set<TcpConnection>();
  readonly #watched = new Set<TcpConnection>();
  #corked: TcpConnection[] = [];
  readonly #sweeper: NodeJS.Timeout;
  #number = 0;
  #isClosing = false;

  constructor(options: TcpOptions) {
    this.#options = options;
    this.#number = options.firstNumber ?? 0;
    this.#connectionsMax = options.connectionsMax ?? limits.connectionsPerWorkerMax;
    this.#holder = this.#makeHolder();
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs);
    this.#sweeper.unref();
  }

  get connections(): number {
    return this.#byName.size;
  }

  /** Opens a listener and gives its port. Rejects when the address is in use, not ours, or cannot be shared. */
  listen(options: TcpListenOptions): Promise<number> {
    const { address, port, listener, reusePort } = options;
    const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: tcpKeepAliveMs }, (socket) =>
      this.#accept(socket, listener),
    );
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

  /**
   * Sends over the connection that the flow names, or one to its address and port, dialled when there is none.
   * With a token, `onUndelivered` is called when the octets do not leave. They must not be changed afterwards.
   */
  send(flow: Flow, bytes: Uint8Array, token = ''): void {
    const connection = flow.connection === '' ? this.#connectionTo(flow) : this.#byName.get(flow.connection);
    if (connection === undefined) return this.#undelivered(token, flow);
    this.stats.sent++;
    connection.send(bytes, token);
  }

  /** Sends a last message over the connection of this flow and closes it: after a message that one cannot go on from. */
  end(flow: Flow, reason: string, last?: Uint8Array): void {
    this.#byName.get(flow.connection)?.end(reason, last);
  }

  /** One line for each connection. */
  describe(): string[] {
    return [...this.#byName.values()].map((connection) => connection.describe());
  }

  /** Stops listening and ends every connection; resolves when all are gone. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const servers = this.#servers
      .splice(0)
      .map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const connection of this.#byName.values()) connection.end('leaving');
    await Promise.all(servers);
    await new Promise<void>((resolve) => {
      const check = setInterval(() => {
        if (this.#byName.size > 0) return;
        clearInterval(check);
        resolve();
      }, 10);
    });
    clearInterval(this.#sweeper);
  }

  #accept(socket: Socket, listener: number): void {
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined || this.#isClosing || !this.#makeRoom()) {
      if (remoteAddress !== undefined) this.stats.refused++;
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    this.stats.accepted++;
    this.#silent.add(this.#add(socket, listener, plainAddress(remoteAddress), remotePort));
  }

  #connectionTo(flow: Flow): TcpConnection | undefined {
    const known = this.#byPeer.get(peerKey(flow.address, flow.port));
    return known?.isOpen === true ? known : this.#dial(flow);
  }

  #dial(flow: Flow): TcpConnection | undefined {
    const { address, port, listener } = flow;
    if (isIP(address) === 0 || !(port >= 1 && port <= 65_535) || this.#isClosing || !this.#makeRoom()) return undefined;
    const own = this.#addresses.get(listener);
    const from =
      own === undefined || own === '0.0.0.0' || own === '::' || isIPv6(own) !== isIPv6(address)
        ? {}
        : { localAddress: own };
    this.stats.dialled++;
    const socket = connect({
      host: address,
      port,
      ...from,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: tcpKeepAliveMs,
      autoSelectFamily: false,
    });
    return this.#add(socket, listener, address, port);
  }

  /** Whether one more may come. Too many: the oldest accepted one that never said anything whole goes. */
  #makeRoom(): boolean {
    if (this.#byName.size < this.#connectionsMax) return true;
    const oldest = this.#silent.values().next().value;
    if (oldest === undefined) return false;
    this.stats.refused++;
    this.#silent.delete(oldest);
    this.#forget(oldest);
    oldest.destroy('too-many');
    return true;
  }

  #add(socket: Socket, listener: number, address: string, port: number): TcpConnection {
    const connectionName = `${this.#options.node}/${this.#options.worker}/${++this.#number}`;
    const connection = new TcpConnection(
      socket,
      { protocol: 'tcp', listener, address, port, connection: connectionName },
      this.#holder,
    );
    this.#byName.set(connectionName, connection);
    this.#byPeer.set(peerKey(address, port), connection);
    return connection;
  }

  #forget(connection: TcpConnection): void {
    const { address, port } = connection.flow;
    this.#byName.delete(connection.flow.connection);
    const key = peerKey(address, port);
    if (this.#byPeer.get(key) === connection) this.#byPeer.delete(key);
    this.#silent.delete(connection);
  }

  #undelivered(token: string, flow: Flow): void {
    this.stats.undelivered++;
    if (token !== '') this.#options.onUndelivered(token, flow);
  }

  #makeHolder(): ConnectionHolder {
    const transport = this;
    const { clock, log } = this.#options;
    return {
      get nowMs() {
        return clock.monotonicMs();
      },
      message(connection, bytes) {
        transport.stats.received++;
        if (transport.#silent.size > 0) transport.#silent.delete(connection);
        transport.#options.onMessage(bytes, connection.flow);
      },
      framingFailed(connection, failure: ParseFailure) {
        transport.stats.framingFailures++;
        log.write('info', 'tcp-framing', {
          address: connection.flow.address,
          port: connection.flow.port,
          failure: failure.failure,
        });
      },
      undelivered: (connection, token) => transport.#undelivered(token, connection.flow),
      pings(answered, ignored) {
        transport.stats.pingsAnswered += answered;
        transport.stats.pingsIgnored += ignored;
      },
      corked(connection) {
        if (transport.#corked.push(connection) === 1) setImmediate(transport.#flush);
      },
      watch(connection, wanted) {
        if (wanted) transport.#watched.add(connection);
        else transport.#watched.delete(connection);
      },
      closed(connection, reason) {
        transport.#forget(connection);
        transport.stats.ends.set(reason, (transport.stats.ends.get(reason) ?? 0) + 1);
        transport.#options.onClosed(connection.flow, reason);
      },
    };
  }

  readonly #flush = (): void => {
    const corked = this.#corked;
    this.#corked = [];
    for (const connection of corked) connection.flush();
  };

  #sweep(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const connection of this.#watched) connection.sweep(nowMs);
  }
}

function peerKey(address: string, port: number): string {
  return `${address} ${port}`;
}

/** An IPv4 peer of an IPv6 socket is an IPv4 peer. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
