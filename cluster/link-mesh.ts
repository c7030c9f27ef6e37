/**
 * All links of one node: one connection to every other node, dialled by the node with the smaller name, made again when it
 * breaks. Items given to `send` in one turn of the event loop leave in one write. What a link promises is in
 * link-session.ts; who may be a peer in handshake.ts. Whoever listens and dials brings the sockets.
 */
import { limits } from '../src/limits.ts';
import type { Clock, Log, Random } from '../src/outside.ts';
import type { StreamSocket } from '../src/transport/socket.ts';
import type { Target, TableMark } from './data-frame.ts';
import type { LinkEvents, LinkOptions } from './link.ts';
import { LinkConnection } from './link-connection.ts';
import { newPeer, statsOf } from './link-peer.ts';
import type { Peer, PeerStats } from './link-peer.ts';
import { LinkSession, streamOf } from './link-session.ts';
import type { Greeting, Heartbeat } from './wire.ts';
import { randomBytes } from './wire.ts';

export interface LinkMeshOptions {
  readonly self: { readonly id: string; readonly incarnation: number };
  readonly cluster: string;
  readonly secret: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  /** A peer is there (its link proved) or not any more. A new incarnation comes after the end of the old one. */
  onPeer(id: string, up: boolean, incarnation: number): void;
  /** An item came, in order with the others of its sender and kind. The payload is good only until the call returns. */
  onItem(from: string, target: Target, payload: Buffer, mark: TableMark): void;
  /** `echoMs` is the newest of our own `sentMs` (monotonic milliseconds) that the peer had heard; `extra` as the payload above. */
  onHeartbeat?(from: string, heartbeat: Heartbeat): void;
  /** Octets of items that this node can take in all just now; without it there is always room. */
  roomBytes?(): number;
  /** What the next heartbeat to this peer shall carry besides. */
  heartbeatExtra?(to: string): Uint8Array;
}

export interface LinkMeshPorts {
  /** A new connection to another node. */
  dial(host: string, port: number): StreamSocket;
  /** What people can do about the end of a connection that was no link yet; undefined: nothing known. */
  advice?(reason: string): string | undefined;
  /** At the end of this turn. */
  soon(run: () => void): void;
  /** Gives a function that takes it back. */
  later(delayMs: number, run: () => void): () => void;
}

export interface PeerAddress {
  readonly id: string;
  /** `host:port`, `[v6]:port`. */
  readonly address: string;
}

export interface MeshStats {
  readonly peers: readonly PeerStats[];
  /** How links ended, by reason; those of strangers are told apart by `stranger:`. */
  readonly ends: Readonly<Record<string, number>>;
}

/** `tick` is to be called so often by who does not ask when the next one is due. */
export const linkTickMs = 50;
const steadyMs = 1_000;
const logLinesPerSecondMax = 10;
const nothing = new Uint8Array(0);

export class LinkMesh {
  readonly #options: LinkMeshOptions;
  readonly #ports: LinkMeshPorts;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #peers = new Map<string, Peer>();
  readonly #connections = new Set<LinkConnection>();
  /** Accepted and not proved yet, oldest first. */
  readonly #strangers = new Set<LinkConnection>();
  readonly #ends = new Map<string, number>();
  #dirty: Peer[] = [];
  #mark: TableMark = { epoch: 0, nonce: 0 };
  #isClosed = false;
  #logSecond = 0;
  #logLines = 0;

  constructor(options: LinkMeshOptions, ports: LinkMeshPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#clock = options.clock;
    this.#random = options.random;
  }

  /** The nodes of the cluster now; ourselves among them or not. Links to others that were in the list before are ended. */
  setPeers(list: readonly PeerAddress[]): void {
    const wanted = new Map(list.map(({ id, address }) => [id, address]));
    wanted.delete(this.#options.self.id);
    for (const peer of this.#peers.values()) {
      if (peer.address === '' || wanted.has(peer.id)) continue;
      peer.dialling?.end('not-a-member');
      peer.current?.end('not-a-member');
      peer.redial?.();
      this.#peers.delete(peer.id);
    }
    for (const [id, address] of wanted) {
      const peer = this.#peers.get(id) ?? this.#addPeer(id, new LinkSession(() => this.#newStream()));
      if (peer.address === address) continue;
      peer.address = address;
      peer.backoffMs = 0;
      if (peer.current === undefined) this.#dial(peer);
    }
  }

  /** Our partition table, said on every frame from now on. `nonce` has 32 bits. */
  setTable(mark: TableMark): void {
    this.#mark = mark;
  }

  /**
   * Sends an item at the end of this turn; the payload is copied. False when it is not taken: the node is unknown or its
   * link down, the payload is longer than a frame, or too much waits for that node already.
   */
  send(node: string, target: Target, payload: Uint8Array): boolean {
    const peer = this.#peers.get(node);
    if (peer === undefined) return false;
    if (!peer.session.add(target, payload)) {
      peer.refused++;
      return false;
    }
    peer.sent++;
    if (!peer.isDirty) {
      peer.isDirty = true;
      if (this.#dirty.push(peer) === 1) this.#ports.soon(this.#flush);
    }
    return true;
  }

  /** The same, for this process of the node alone: what it was told would mean something else to the next one. */
  sendTo(node: string, incarnation: number, target: Target, payload: Uint8Array): boolean {
    return this.incarnationOf(node) === incarnation && this.send(node, target, payload);
  }

  isUp(node: string): boolean {
    return this.#peers.get(node)?.session.isUp === true;
  }

  /** Of the process that is or was at the other end; 0 when there was none. */
  incarnationOf(node: string): number {
    return Math.max(0, this.#peers.get(node)?.session.peerIncarnation ?? 0);
  }

  stats(): MeshStats {
    const peers = [...this.#peers.values()].map(statsOf);
    return { peers, ends: Object.fromEntries(this.#ends) };
  }

  /** Ends every link and takes no new ones. No peer is reported down by this. Sockets may need a moment: call `tick` on. */
  close(): void {
    if (this.#isClosed) return;
    this.#flush();
    this.#isClosed = true;
    for (const peer of this.#peers.values()) peer.redial?.();
    for (const connection of this.#connections) connection.end('leaving');
  }

  /** Somebody has connected to our listener. */
  accept(socket: StreamSocket): void {
    if (this.#isClosed || socket.remoteAddress === undefined) return void socket.destroy();
    if (this.#strangers.size >= limits.linkHandshakesMax)
      this.#strangers.values().next().value!.end('too-many-handshakes');
    const connection = this.#open(socket, '');
    if (!connection.hasEnded) this.#strangers.add(connection);
  }

  /** Somebody has connected and was shown out before the link could begin. */
  refused(remote: string, reason: string): void {
    const kind = `stranger:${reason}`;
    this.#ends.set(kind, (this.#ends.get(kind) ?? 0) + 1);
    this.#logRefused(remote, reason);
  }

  /** When `tick` next has something to do, by the monotonic clock. */
  nextTickMs(): number {
    let atMs = Infinity;
    for (const connection of this.#connections) atMs = Math.min(atMs, connection.nextTickMs());
    return atMs;
  }

  /** Deadlines and heartbeats: every `linkTickMs`, or when `nextTickMs` says so. */
  tick(): void {
    for (const connection of this.#connections) if (!connection.tick()) this.#connections.delete(connection);
  }

  /** The node with the smaller name dials. */
  #dial(peer: Peer): void {
    peer.redial?.();
    peer.redial = undefined;
    if (this.#isClosed || this.#peers.get(peer.id) !== peer || peer.address === '' || peer.id <= this.#options.self.id)
      return;
    if (peer.current !== undefined || peer.dialling !== undefined) return;
    const colon = peer.address.lastIndexOf(':');
    const host = peer.address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
    const port = Number(peer.address.slice(colon + 1));
    if (!(port >= 1 && port <= 65_535))
      return this.#options.log.write('error', 'link-address', { peer: peer.id, address: peer.address });
    peer.dialling = this.#open(this.#ports.dial(host, port), peer.id);
  }

  #open(socket: StreamSocket, node: string): LinkConnection {
    const connection = new LinkConnection(
      socket,
      node,
      this.#clock,
      (own) => this.#linkOptions(own),
      (own, reason, wasUp) => this.#ended(own, reason, wasUp),
    );
    this.#connections.add(connection);
    return connection;
  }

  #linkOptions(connection: LinkConnection): LinkOptions {
    const { self, cluster, secret } = this.#options;
    return {
      role: connection.node === '' ? 'acceptor' : 'dialer',
      self: { cluster, node: self.id, incarnation: self.incarnation },
      expect: connection.node,
      secret,
      random: this.#random.bytes(randomBytes),
      nowMs: this.#clock.monotonicMs(),
      events: this.#eventsOf(connection),
    };
  }

  #eventsOf(connection: LinkConnection): LinkEvents {
    let peer: Peer | undefined;
    const { onItem, onHeartbeat, heartbeatExtra } = this.#options;
    return {
      sessionOf: (node) => this.#peers.get(node)?.session,
      admit: (greeting, stream) => this.#admit(connection, greeting, stream),
      up: (greeting) => {
        peer = this.#peers.get(greeting.node)!;
        this.#up(connection, peer, greeting);
      },
      item: (target, payload, mark) => {
        peer!.received++;
        try {
          onItem(peer!.id, target, payload, mark);
        } catch (error) {
          // Our own mistake in what the item set off: it must not cost the link and all other items.
          this.#logBounded('error', 'link-item', { peer: peer!.id, error });
        }
      },
      heartbeat: (heartbeat) => onHeartbeat?.call(this.#options, peer!.id, heartbeat),
      heartbeatExtra: () => heartbeatExtra?.call(this.#options, peer!.id) ?? nothing,
      roomBytes: () => this.#roomBytes(),
      mark: () => this.#mark,
    };
  }

  /** Each peer that is up gets the same part of the room that there is. */
  #roomBytes(): number {
    const room = this.#options.roomBytes?.();
    if (room === undefined) return limits.linkWindowBytes;
    let up = 0;
    for (const peer of this.#peers.values()) if (peer.session.isUp) up++;
    return Math.max(0, Math.min(limits.linkWindowBytes, Math.floor(room / Math.max(1, up))));
  }

  #admit(connection: LinkConnection, greeting: Greeting, stream: number): LinkSession | string {
    if (this.#isClosed) return 'leaving';
    let peer = this.#peers.get(greeting.node);
    if (peer === undefined) {
      if (this.#peers.size >= limits.nodesMax && !this.#forgetVisitor()) return 'too-many-nodes';
      peer = this.#addPeer(greeting.node, new LinkSession(() => this.#newStream(), stream));
    }
    if (greeting.incarnation < peer.session.peerIncarnation) return 'old-incarnation';
    // Its dialler gave the old connection up before we saw that: the new one is the truth.
    peer.current?.end('replaced');
    connection.node = greeting.node;
    return peer.session;
  }

  /** A node that is in no list and whose link is down need not be remembered. */
  #forgetVisitor(): boolean {
    for (const peer of this.#peers.values())
      if (peer.address === '' && !peer.session.isUp) return this.#peers.delete(peer.id);
    return false;
  }

  #up(connection: LinkConnection, peer: Peer, { incarnation }: Greeting): void {
    this.#strangers.delete(connection);
    peer.current = connection;
    peer.dialling = undefined;
    peer.failure = '';
    peer.upSinceMs = this.#clock.monotonicMs();
    peer.ups++;
    this.#options.log.write('info', 'link-up', { peer: peer.id, incarnation });
    this.#options.onPeer(peer.id, true, incarnation);
  }

  #ended(connection: LinkConnection, reason: string, wasUp: boolean): void {
    const isStranger = this.#strangers.delete(connection);
    const kind = isStranger ? `stranger:${reason}` : reason.startsWith('peer: ') ? 'peer' : reason;
    this.#ends.set(kind, (this.#ends.get(kind) ?? 0) + 1);
    if (isStranger) this.#logRefused(connection.remote, reason, connection.detail);
    const peer = this.#peers.get(connection.node);
    if (peer?.dialling === connection) {
      peer.dialling = undefined;
      this.#logFailed(peer, reason, connection.detail);
    }
    if (wasUp) {
      this.#options.log.write('info', 'link-down', { peer: connection.node, reason });
      if (peer?.current === connection) peer.current = undefined;
      if (!this.#isClosed) this.#options.onPeer(connection.node, false, peer?.session.peerIncarnation ?? 0);
    }
    if (peer !== undefined && !this.#isClosed) this.#redialLater(peer, wasUp);
  }

  #redialLater(peer: Peer, wasUp: boolean): void {
    if (
      peer.id <= this.#options.self.id ||
      peer.current !== undefined ||
      peer.dialling !== undefined ||
      peer.redial !== undefined
    )
      return;
    const wasSteady = wasUp && this.#clock.monotonicMs() - peer.upSinceMs >= steadyMs;
    peer.backoffMs =
      wasSteady || peer.backoffMs === 0 ? limits.linkRedialMsMin : Math.min(limits.linkRedialMsMax, peer.backoffMs * 2);
    peer.redial = this.#ports.later(peer.backoffMs * (0.75 + this.#random.fraction() / 4), () => this.#dial(peer));
  }

  #addPeer(id: string, session: LinkSession): Peer {
    const peer = newPeer(id, session);
    this.#peers.set(id, peer);
    return peer;
  }

  #newStream(): number {
    return streamOf(this.#random.bytes(6));
  }

  readonly #flush = (): void => {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const peer of dirty) {
      peer.isDirty = false;
      peer.current?.write();
    }
  };

  #logRefused(remote: string, reason: string, detail = ''): void {
    const advice = detail === '' ? this.#ports.advice?.(reason) : detail;
    this.#logBounded('warn', 'link-refused', { remote, reason, ...(advice !== undefined && { advice }) });
  }

  /** A node that is down is dialled again and again: only what somebody has to do something about is said, and once. */
  #logFailed(peer: Peer, reason: string, detail: string): void {
    const advice = detail === '' ? this.#ports.advice?.(reason) : detail;
    if (advice === undefined || peer.failure === reason) return;
    peer.failure = reason;
    this.#logBounded('warn', 'link-failed', { peer: peer.id, reason, advice });
  }

  /** Strangers decide how often these happen; the counters tell the rest. */
  #logBounded(level: 'warn' | 'error', event: string, fields: Readonly<Record<string, unknown>>): void {
    const second = Math.floor(this.#clock.monotonicMs() / 1_000);
    if (second !== this.#logSecond) {
      this.#logSecond = second;
      this.#logLines = 0;
    }
    if (this.#logLines++ < logLinesPerSecondMax) this.#options.log.write(level, event, fields);
  }
}
