/**
 * Streams between phones and the cluster. All workers of all nodes accept on the one address of the cluster, as by
 * SO_REUSEPORT; a lost segment is late, since the sender's system sends it again.
 */
import { clusterEndpoint, nameOf } from './network.ts';
import type { Endpoint, Network } from './network.ts';
import type { Kernel, Owner } from './kernel.ts';
import { Streams } from './stream.ts';
import type { SimSocket, StreamListener, StreamManners } from './stream.ts';
import type { Stream } from './random.ts';

/** What a lost segment costs (RFC 6298: at least a second at first; Linux takes 200 ms). */
const resentAfterMs = 200;
const firstPort = 20_000;
const serverManners: StreamManners = { grain: 'whole', readsWithinMs: 0, windowBytes: 65_536 };

export class StreamNetwork {
  readonly streams: Streams;
  readonly #random: Stream;
  readonly #network: Network;
  readonly #phones = new Map<string, StreamListener>();
  #shared: StreamListener[] = [];
  #nextPort = firstPort;

  constructor(kernel: Kernel, random: Stream, network: Network) {
    this.streams = new Streams(kernel, random);
    this.#random = random;
    this.#network = network;
  }

  openPhone(at: Endpoint, listener: StreamListener): void {
    this.#phones.set(nameOf(at), listener);
  }

  openShared(listener: StreamListener): void {
    this.#shared.push(listener);
  }

  closeShared(listener: StreamListener): void {
    this.#shared = this.#shared.filter((each) => each !== listener);
  }

  /** A phone connects to the cluster. */
  toCluster(owner: Owner, address: string, manners: StreamManners): SimSocket {
    const from = { address, port: this.#port() };
    return this.streams.connect(owner, from, clusterEndpoint, manners, this.#path, this.#path, () =>
      this.#worker(from),
    );
  }

  /** A worker connects to a phone: few of them listen. */
  toPhone(owner: Owner, to: Endpoint): SimSocket {
    const from = { address: clusterEndpoint.address, port: this.#port() };
    return this.streams.connect(owner, from, to, serverManners, this.#path, this.#path, () =>
      this.#phones.get(nameOf(to)),
    );
  }

  readonly #path = {
    latencyMs: (): number => {
      const { latencyMs, loss } = this.#network.weather;
      const late = loss > 0 && this.#random.chance(loss) ? resentAfterMs : 0;
      return this.#random.between(latencyMs[0], latencyMs[1]) + late;
    },
  };

  #worker(from: Endpoint): StreamListener | undefined {
    const open = this.#shared.filter(({ owner }) => owner.isAlive);
    if (open.length === 0) return undefined;
    return this.#network.spread === 'random' ? this.#random.pick(open) : open[from.port % open.length];
  }

  #port(): number {
    return this.#nextPort++;
  }
}
