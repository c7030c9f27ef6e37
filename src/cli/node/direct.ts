/**
 * Short ways between workers (cluster/direct/) in the main thread of a node: memory of the shortcuts, who listens where, and the
 * socket for copies.
 */
import { isIP } from 'node:net';
import { DirectKeeper } from '../../../cluster/direct/keeper.ts';
import type { KeeperPorts } from '../../../cluster/direct/keeper.ts';
import { DirectPeers } from '../../../cluster/direct/peers.ts';
import { Shortcuts } from '../../../cluster/direct/shortcuts.ts';
import type { PeerItem } from '../../../cluster/peer-items.ts';
import type { Table } from '../../../cluster/table.ts';
import { parseHostPort } from '../../config/address.ts';
import { forwardOf } from '../../config/config.ts';
import type { Config } from '../../config/config.ts';
import type { UdpPath } from '../../io/udp-path.ts';
import type { UdpTransport } from '../../io/udp.ts';
import { limits } from '../../limits.ts';
import type { Clock, Flow, Log } from '../../outside.ts';
import { deriveKey } from '../worker/identity.ts';
import type { ToWorker } from '../worker/messages.ts';

export interface DirectNodePorts extends Pick<KeeperPorts, 'word' | 'count'> {
  readonly clock: Clock;
  readonly log: Log;
  sendPeer(peer: string, item: PeerItem): void;
  tellWorkers(message: ToWorker): void;
  /** `host:port` of the peer's link. */
  addressOf(peer: string): string | undefined;
}

export class Direct {
  /** Of the shortcuts, for the workers. */
  readonly places = new SharedArrayBuffer(limits.partitions * Int32Array.BYTES_PER_ELEMENT);
  /** For the hub; undefined where everything goes by the links. */
  readonly shortcuts: Shortcuts | undefined;
  readonly peers: DirectPeers;
  readonly #config: Config;
  readonly #ports: DirectNodePorts;
  readonly #keeper: DirectKeeper;
  /** Of the members of the table, their links: who has dialled us before we knew him is called by nobody. */
  #links: ReadonlyMap<string, string> = new Map();
  #socket: UdpTransport | undefined;

  constructor(config: Config, incarnation: number, ports: DirectNodePorts) {
    const { node, cluster } = config;
    this.#config = config;
    this.#ports = ports;
    const shortcuts = new Shortcuts(node.id, new Int32Array(this.places));
    this.shortcuts = forwardOf(config) === 'datagrams' ? shortcuts : undefined;
    this.peers = new DirectPeers({ node: node.id, incarnation, host: node.link.host }, node.workers, shortcuts, {
      tellPeer: (peer, own, mainPort) => ports.sendPeer(peer, { kind: 'workers', ports: own, mainPort }),
      tellWorkers: (workers) => ports.tellWorkers({ type: 'direct', workers }),
      hostOf: (peer) => addressOf(parseHostPort(ports.addressOf(peer) ?? this.#links.get(peer) ?? '')?.host),
    });
    const flow = { protocol: 'udp', listener: 0, connection: '' } as const;
    this.#keeper = new DirectKeeper(node.id, incarnation, deriveKey(cluster.secret, 'datagrams'), {
      clusterMs: () => ports.clock.clusterMs(),
      send: (host, port, octets) => this.#socket?.send({ ...flow, address: host, port }, octets),
      word: (partition, payload, answer) => ports.word(partition, payload, answer),
      count: (metric) => ports.count(metric),
    });
  }

  /** Opens the socket for copies, where the configuration wants it; without it they come over the links. */
  async open(udp: UdpPath): Promise<void> {
    if (forwardOf(this.#config) !== 'datagrams') return;
    const address = this.#config.node.link.host;
    const onMessage = (octets: Buffer, from: Flow): void => this.#keeper.received(octets, from.address, from.port);
    const onError = (): void => this.#ports.count('direct-error');
    try {
      this.#socket = await udp.open({ address, port: 0, listener: 0, reusePort: false, onMessage, onError });
      this.peers.mainHas(this.#socket.port);
    } catch (error) {
      this.#ports.log.write('warn', 'direct-socket', { address, error });
    }
  }

  async close(): Promise<void> {
    await this.#socket?.close();
  }

  adopt(table: Table): void {
    const before = this.#links;
    this.#links = new Map(table.members.map(({ id, link }) => [id, link]));
    for (const [id, link] of this.#links) if (before.get(id) !== link) this.peers.addressed(id);
  }

  onPeer(peer: string, up: boolean, incarnation: number): void {
    if (up) this.peers.peerUp(peer, incarnation);
    else this.peers.peerDown(peer);
  }
}

/** A name would have to be asked for with every datagram: such a peer gets everything by its link. */
function addressOf(host: string | undefined): string | undefined {
  return host !== undefined && isIP(host) !== 0 ? host : undefined;
}
