/**
 * Datagrams between phones and nodes over real sockets: each phone has one, each node one of its own, and what a phone
 * sends to the address of the cluster goes to one of them, as a balancer in front of them would do. On their way, both
 * ways, datagrams are late, lost, doubled and out of order, and every one is recorded.
 */
import { createSocket } from 'node:dgram';
import type { Socket as UdpSocket } from 'node:dgram';
import { clusterEndpoint, nameOf } from '../network.ts';
import type { Endpoint, Network, Passage, Socket, Spread, Weather } from '../network.ts';
import type { Stream } from '../random.ts';
import type { RealKernel } from './clock.ts';

export interface NodeAddress extends Endpoint {
  readonly id: string;
}

export interface RealNetworkOptions {
  readonly kernel: RealKernel;
  readonly random: Stream;
  readonly weather: Weather;
  readonly spread: Spread;
  /** What stands in Via and Record-Route of the nodes. */
  readonly cluster: Endpoint;
  readonly nodes: readonly NodeAddress[];
  /** Whether datagrams for this node are sent to it: false when it is known to be gone. */
  isOpen(id: string): boolean;
  /** A node has sent this; weather comes after. */
  onSent(node: NodeAddress, to: Endpoint, bytes: Buffer): void;
}

const socketBufferBytes = 1 << 20;

export class RealNetwork implements Pick<Network, 'openPhone' | 'send'> {
  weather: Weather;
  readonly watchers: ((passage: Passage) => void)[] = [];
  readonly #options: RealNetworkOptions;
  readonly #sockets = new Map<string, UdpSocket>();
  readonly #opening: Promise<void>[] = [];
  #isClosed = false;

  constructor(options: RealNetworkOptions) {
    this.#options = options;
    this.weather = options.weather;
  }

  /** For a phone that is a process: it sends to `at`, and the cluster sees nobody else. */
  async openRelay(at: Endpoint, inside: Endpoint): Promise<void> {
    const toPhone = (bytes: Buffer): void => {
      this.#sockets.get(nameOf(at))?.send(bytes, inside.port, inside.address, () => undefined);
    };
    this.#open(at, (bytes, from) =>
      nameOf(from) === nameOf(inside) ? this.send(at, clusterEndpoint, bytes) : this.#arrived(bytes, from, at, toPhone),
    );
    await this.ready();
  }

  openPhone(at: Endpoint, phone: Pick<Socket, 'receive'>): void {
    this.#open(at, (bytes, from) => this.#arrived(bytes, from, at, () => phone.receive(bytes, from)));
  }

  #open(at: Endpoint, take: (bytes: Buffer, from: Endpoint) => void): void {
    const socket = createSocket('udp4');
    this.#sockets.set(nameOf(at), socket);
    socket.on('message', (bytes, from) => take(bytes, { address: from.address, port: from.port }));
    this.#opening.push(
      new Promise((resolve, reject) => {
        socket.once('error', reject);
        socket.bind({ address: at.address, port: at.port, exclusive: true }, () => {
          socket.setRecvBufferSize(socketBufferBytes);
          resolve();
        });
      }),
    );
  }

  /** Every phone has its socket. @throws when one could not be opened */
  async ready(): Promise<void> {
    await Promise.all(this.#opening);
  }

  send(from: Endpoint, to: Endpoint, bytes: Buffer): void {
    const isCluster = to.address === clusterEndpoint.address || nameOf(to) === nameOf(this.#options.cluster);
    const node = isCluster ? this.#balance(from) : undefined;
    const target = isCluster ? node : to;
    const passage = {
      from: nameOf(from),
      to: nameOf(target ?? to),
      bytes,
      worker: (node ?? this.#nodeAt(to))?.id ?? '',
    };
    if (target === undefined) return this.#tell(passage, 'nobody');
    this.#delay(passage, () =>
      this.#sockets.get(nameOf(from))?.send(bytes, target.port, target.address, () => undefined),
    );
  }

  close(): void {
    this.#isClosed = true;
    for (const socket of this.#sockets.values()) socket.close();
  }

  #nodeAt(at: Endpoint): NodeAddress | undefined {
    return this.#options.nodes.find((node) => node.address === at.address && node.port === at.port);
  }

  #arrived(bytes: Buffer, from: Endpoint, to: Endpoint, take: (bytes: Buffer) => void): void {
    const node = this.#nodeAt(from);
    const passage = { from: nameOf(from), to: nameOf(to), bytes, worker: node?.id ?? '' };
    if (node !== undefined) this.#options.kernel.attempt(() => this.#options.onSent(node, to, bytes));
    this.#delay(passage, () => take(bytes));
  }

  #delay(passage: Omit<Passage, 'atMs' | 'fate'>, arrive: () => void): void {
    const { weather } = this;
    const { random, kernel } = this.#options;
    if (random.chance(weather.loss)) return this.#tell(passage, 'lost');
    const copies = random.chance(weather.duplicates) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      let delayMs = random.between(weather.latencyMs[0], weather.latencyMs[1]);
      if (random.chance(weather.reorder)) delayMs += random.between(0, weather.reorderMs);
      kernel.at(delayMs, undefined, () => {
        if (this.#isClosed) return;
        this.#tell(passage, 'arrived');
        arrive();
      });
    }
  }

  #balance(from: Endpoint): NodeAddress | undefined {
    const { nodes, random, spread } = this.#options;
    const open = nodes.filter(({ id }) => this.#options.isOpen(id));
    if (open.length === 0) return undefined;
    if (spread === 'random') return random.pick(open);
    return open[from.port % open.length];
  }

  #tell(passage: Omit<Passage, 'atMs' | 'fate'>, fate: Passage['fate']): void {
    const whole = { ...passage, atMs: this.#options.kernel.nowMs, fate };
    this.#options.kernel.attempt(() => {
      for (const watch of this.watchers) watch(whole);
    });
  }
}
