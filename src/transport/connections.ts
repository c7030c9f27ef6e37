/**
 * The SIP connections of one thread (RFC 3261 18). They are found again by their name (`node/worker/number`) or, for a flow
 * without one, by the peer's address and port; what is not found is dialled. No sockets of its own: whoever listens and
 * dials brings them.
 */
import { limits } from '../limits.ts';
import type { Clock, Flow, Log } from '../outside.ts';
import type { ParseFailure } from '../sip/failure.ts';
import { Announced } from './announced.ts';
import { StreamConnection } from './connection.ts';
import type { ConnectionHolder } from './connection.ts';
import type { StreamSocket } from './socket.ts';

export interface ConnectionsOptions {
  /** Node and worker, for the names of connections. */
  readonly node: string;
  readonly worker: number;
  readonly clock: Clock;
  readonly log: Log;
  /**
   * Connections are numbered from here. A node or a thread that comes back must not reuse a name: what still points to an
   * old connection would reach another client. Default 0.
   */
  readonly firstNumber?: number;
  /** Default `connectionsPerWorkerMax`. */
  readonly connectionsMax?: number;
  /** Whether who connects from this address to this listener has to begin with a header of the PROXY protocol. */
  readonly isBalancer?: (listener: number, address: string) => boolean;
  /** A whole message came. The octets are ours to keep. */
  onMessage(bytes: Buffer, flow: Flow): void;
  /** A message sent with this token has not left, and will not. */
  onUndelivered(token: string, flow: Flow): void;
  /** A balancer's connection was refused, because it did not say for whom it is. */
  onUnannounced?(): void;
  /** A connection is over: the flow leads nowhere from now on. */
  onClosed(flow: Flow, reason: string): void;
}

export interface ConnectionsPorts {
  /** A new connection to the address and port of this flow; undefined when they cannot be one. */
  dial(flow: Flow): StreamSocket | undefined;
  /** At the end of this turn. */
  soon(run: () => void): void;
}

export interface ConnectionsStats {
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
  /** Connections of a balancer that did not say for whom they are. */
  unannounced: number;
  /** How connections ended, by reason. */
  readonly ends: Map<string, number>;
}

/** More connections than one thread can accept in a millisecond. */
const connectionsPerMs = 1_000;

/**
 * From where a thread numbers its connections, so that no two lives of a node and no two threads of one life that have the
 * same place use a name twice.
 * @param incarnation when the process started, milliseconds.
 * @param processAgeMs how long ago that was when the thread started.
 */
export function firstConnection(incarnation: number, processAgeMs: number): number {
  return (incarnation + Math.floor(processAgeMs)) * connectionsPerMs;
}

/** `sweep` is to be called so often: it looks at all connections that wait for something. */
export const sweepMs = 250;

export class StreamConnections {
  readonly stats: ConnectionsStats = {
    accepted: 0,
    dialled: 0,
    refused: 0,
    received: 0,
    sent: 0,
    undelivered: 0,
    framingFailures: 0,
    pingsAnswered: 0,
    pingsIgnored: 0,
    unannounced: 0,
    ends: new Map(),
  };
  readonly #options: ConnectionsOptions;
  readonly #connectionsMax: number;
  readonly #holder: ConnectionHolder;
  readonly #ports: ConnectionsPorts;
  readonly #byName = new Map<string, StreamConnection>();
  readonly #byPeer = new Map<string, StreamConnection>();
  /** Accepted connections that have not brought a message yet, oldest first. */
  readonly #silent = new Set<StreamConnection>();
  /** All that were accepted. */
  readonly #clients = new Set<StreamConnection>();
  readonly #watched = new Set<StreamConnection>();
  readonly #announced: Announced;
  #corked: StreamConnection[] = [];
  #number = 0;
  #isClosing = false;

  constructor(options: ConnectionsOptions, ports: ConnectionsPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#number = options.firstNumber ?? 0;
    this.#connectionsMax = options.connectionsMax ?? limits.connectionsPerWorkerMax;
    this.#holder = this.#makeHolder();
    this.#announced = this.#makeAnnounced();
  }

  get count(): number {
    return this.#byName.size;
  }

  /** Open connections that somebody made to us and that brought a whole message. */
  get clients(): number {
    let count = 0;
    for (const connection of this.#clients) if (connection.hasSpoken && connection.isOpen) count++;
    return count;
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

  /** Ends every connection and takes no new ones. */
  endAll(): void {
    this.#isClosing = true;
    this.#announced.endAll();
    for (const connection of this.#byName.values()) connection.end('leaving');
  }

  /** Somebody has connected to one of our listeners. */
  accept(socket: StreamSocket, listener: number): void {
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined || this.#isClosing || !this.#makeRoom()) {
      if (remoteAddress !== undefined) this.stats.refused++;
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    const address = plainAddress(remoteAddress);
    if (this.#options.isBalancer?.(listener, address) === true) return this.#announced.add(socket, listener);
    this.#accepted(socket, listener, address, remotePort);
  }

  #accepted(socket: StreamSocket, listener: number, address: string, port: number): StreamConnection {
    this.stats.accepted++;
    const connection = this.#add(socket, listener, address, port);
    this.#silent.add(connection);
    this.#clients.add(connection);
    return connection;
  }

  /** There is nothing that `sweep` could look at, before the next one is accepted or dialled. */
  get isEmpty(): boolean {
    return this.#byName.size === 0 && this.#watched.size === 0 && this.#announced.count === 0;
  }

  /** Every `sweepMs`, unless it is empty. */
  sweep(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const connection of this.#watched) connection.sweep(nowMs);
    this.#announced.sweep();
  }

  #connectionTo(flow: Flow): StreamConnection | undefined {
    const known = this.#byPeer.get(peerKey(flow.address, flow.port));
    return known?.isOpen === true ? known : this.#dial(flow);
  }

  #dial(flow: Flow): StreamConnection | undefined {
    const { address, port, listener } = flow;
    if (this.#isClosing || !this.#makeRoom()) return undefined;
    const socket = this.#ports.dial(flow);
    if (socket === undefined) return undefined;
    this.stats.dialled++;
    return this.#add(socket, listener, address, port);
  }

  /** Whether one more may come. Too many: the oldest accepted one that never said anything whole goes. */
  #makeRoom(): boolean {
    if (this.#byName.size + this.#announced.count < this.#connectionsMax) return true;
    if (this.#announced.dropOldest()) {
      this.stats.refused++;
      return true;
    }
    const oldest = this.#silent.values().next().value;
    if (oldest === undefined) return false;
    this.stats.refused++;
    this.#silent.delete(oldest);
    this.#forget(oldest);
    oldest.destroy('too-many');
    return true;
  }

  #add(socket: StreamSocket, listener: number, address: string, port: number): StreamConnection {
    const connectionName = `${this.#options.node}/${this.#options.worker}/${++this.#number}`;
    const connection = new StreamConnection(
      socket,
      { protocol: 'tcp', listener, address, port, connection: connectionName },
      this.#holder,
    );
    this.#byName.set(connectionName, connection);
    this.#byPeer.set(peerKey(address, port), connection);
    return connection;
  }

  #forget(connection: StreamConnection): void {
    const { address, port } = connection.flow;
    this.#byName.delete(connection.flow.connection);
    const key = peerKey(address, port);
    if (this.#byPeer.get(key) === connection) this.#byPeer.delete(key);
    this.#silent.delete(connection);
    this.#clients.delete(connection);
  }

  #undelivered(token: string, flow: Flow): void {
    this.stats.undelivered++;
    if (token !== '') this.#options.onUndelivered(token, flow);
  }

  #makeAnnounced(): Announced {
    const { clock, log } = this.#options;
    return new Announced({
      nowMs: () => clock.monotonicMs(),
      announced: (socket, listener, source) => {
        const address = source?.address ?? plainAddress(socket.remoteAddress ?? '');
        const port = source?.port ?? socket.remotePort ?? 0;
        const connection = this.#accepted(socket, listener, address, port);
        log.write('debug', 'tcp-announced', { address, port, balancer: socket.remoteAddress ?? '' });
        return (chunk) => connection.receive(chunk);
      },
      refused: (socket, listener, reason) => {
        this.stats.unannounced++;
        this.#options.onUnannounced?.();
        log.write('warn', 'tcp-unannounced', { address: socket.remoteAddress ?? '', listener, reason });
      },
    });
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
        if (transport.#corked.push(connection) === 1) transport.#ports.soon(transport.#flush);
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
}

function peerKey(address: string, port: number): string {
  return `${address} ${port}`;
}

/** An IPv4 peer of an IPv6 socket is an IPv4 peer. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
