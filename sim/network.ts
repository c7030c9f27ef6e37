/**
 * Datagrams between phones and the cluster: late, lost, doubled, out of order. All workers of all nodes share the address
 * of the cluster as by SO_REUSEPORT: the kernel gives each datagram to one open socket, also to that of a stopped process,
 * where it waits; with nobody there it is gone.
 */
import type { Kernel, Owner } from './kernel.ts';
import type { Stream } from './random.ts';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface Socket {
  readonly owner: Owner;
  receive(bytes: Buffer, from: Endpoint): void;
}

export interface Weather {
  latencyMs: readonly [number, number];
  /** Share of datagrams. */
  loss: number;
  duplicates: number;
  /** Share of datagrams that are held up for `reorderMs`. */
  reorder: number;
  reorderMs: number;
}

/** How the shared port is shared: by the hash of both addresses as Linux does, or by chance as behind a balancer. */
export type Spread = 'hash' | 'random';

export const clusterEndpoint: Endpoint = { address: '10.0.0.1', port: 5060 };

export interface Passage {
  readonly atMs: number;
  readonly from: string;
  readonly to: string;
  readonly bytes: Buffer;
  /** Who sent or took it, when it was a worker. */
  readonly worker: string;
  readonly fate: 'arrived' | 'lost' | 'nobody';
}

export class Network {
  weather: Weather;
  readonly spread: Spread;
  readonly #kernel: Kernel;
  readonly #random: Stream;
  /** By address, and there by port. */
  readonly #phones = new Map<string, Map<number, Socket>>();
  #shared: Socket[] = [];
  /** Datagrams that reached a socket, and those that did not. */
  readonly watchers: ((passage: Passage) => void)[] = [];
  /** How many of them there were. */
  passages = 0;

  constructor(kernel: Kernel, random: Stream, weather: Weather, spread: Spread) {
    this.#kernel = kernel;
    this.#random = random;
    this.weather = weather;
    this.spread = spread;
  }

  openPhone(at: Endpoint, socket: Socket): void {
    const { address, port } = at;
    let ports = this.#phones.get(address);
    if (ports === undefined) this.#phones.set(address, (ports = new Map()));
    ports.set(port, socket);
  }

  /** A worker opens the shared port; its death closes it. */
  openShared(socket: Socket): void {
    this.#shared.push(socket);
  }

  closeShared(socket: Socket): void {
    this.#shared = this.#shared.filter((each) => each !== socket);
  }

  send(from: Endpoint, to: Endpoint, bytes: Buffer, worker = ''): void {
    const { weather } = this;
    const random = this.#random;
    if (random.chance(weather.loss)) return this.#tell(from, to, bytes, worker, 'lost');
    const copies = random.chance(weather.duplicates) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      let delayMs = random.between(weather.latencyMs[0], weather.latencyMs[1]);
      if (random.chance(weather.reorder)) delayMs += random.between(0, weather.reorderMs);
      this.#kernel.at(delayMs, undefined, () =>
        this.#arrive(from, to, copy === 0 ? bytes : Buffer.from(bytes), worker),
      );
    }
  }

  /** A message that goes, or has come, over a stream: for those who watch. */
  tell(from: Endpoint, to: Endpoint, bytes: Buffer, worker: string): void {
    this.#tell(from, to, bytes, worker, 'arrived');
  }

  #arrive(from: Endpoint, to: Endpoint, bytes: Buffer, worker: string): void {
    const socket = this.#socketOf(from, to);
    this.#kernel.mixBytes(bytes);
    if (socket === undefined) return this.#tell(from, to, bytes, worker, 'nobody');
    this.#tell(from, to, bytes, worker === '' ? socket.owner.name : worker, 'arrived');
    // In the socket's buffer now: lost when its process dies, late when it is stopped.
    this.#kernel.at(0, socket.owner, () => socket.receive(bytes, from));
  }

  #socketOf(from: Endpoint, to: Endpoint): Socket | undefined {
    if (to.address !== clusterEndpoint.address) return this.#phones.get(to.address)?.get(to.port);
    if (to.port !== clusterEndpoint.port) return undefined;
    const shared = this.#shared;
    const open = areOpen(shared) ? shared : shared.filter(isOpen);
    if (open.length === 0) return undefined;
    if (this.spread === 'random') return this.#random.pick(open);
    let hash = from.port;
    for (let index = 0; index < from.address.length; index++)
      hash = Math.imul(hash ^ from.address.charCodeAt(index), 0x01000193);
    return open[(hash >>> 0) % open.length];
  }

  #tell(from: Endpoint, to: Endpoint, bytes: Buffer, worker: string, fate: Passage['fate']): void {
    this.passages++;
    if (this.watchers.length === 0) return;
    const passage = { atMs: this.#kernel.nowMs, from: nameOf(from), to: nameOf(to), bytes, worker, fate };
    for (const watch of this.watchers) watch(passage);
  }
}

function areOpen(sockets: readonly Socket[]): boolean {
  for (const socket of sockets) if (!isOpen(socket)) return false;
  return true;
}

function isOpen({ owner }: Socket): boolean {
  return owner.isAlive;
}

export function nameOf({ address, port }: Endpoint): string {
  return `${address}:${port}`;
}
