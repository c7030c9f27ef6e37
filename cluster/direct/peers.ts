/**
 * In the main thread: who can be reached by datagrams where. Each node tells the others the ports of its workers when a link
 * to them is up and whenever they change, and its workers what the others said.
 */
import { limits } from '../../src/limits.ts';
import type { Shortcuts } from './shortcuts.ts';
import type { PeerWorkers } from './way.ts';

export interface DirectPeersPorts {
  tellPeer(peer: string, ports: readonly number[], mainPort: number): void;
  tellWorkers(workers: PeerWorkers): void;
  /** IP address under which this node reaches the peer; undefined: not known yet. */
  hostOf(peer: string): string | undefined;
}

interface Peer {
  readonly incarnation: number;
  readonly ports: readonly number[];
  readonly mainPort: number;
}

export class DirectPeers {
  readonly #self: Omit<PeerWorkers, 'slot' | 'ports' | 'mainPort'>;
  readonly #shortcuts: Shortcuts;
  readonly #ports: DirectPeersPorts;
  readonly #own: number[];
  #ownMain = 0;
  /** Those to which there is a link. */
  readonly #peers = new Map<string, Peer>();

  constructor(
    self: Omit<PeerWorkers, 'slot' | 'ports' | 'mainPort'>,
    workers: number,
    shortcuts: Shortcuts,
    ports: DirectPeersPorts,
  ) {
    this.#self = self;
    this.#own = Array.from({ length: workers }, () => 0);
    this.#shortcuts = shortcuts;
    this.#ports = ports;
  }

  /** The worker has a socket; 0: it is gone. One that has just begun knows nobody: all are told again. */
  workerHas(worker: number, port: number): void {
    this.#own[worker] = port;
    const { node } = this.#self;
    this.#ports.tellWorkers({ ...this.#self, slot: this.#shortcuts.slotOf(node), ports: [...this.#own], mainPort: 0 });
    for (const peer of this.#peers.keys()) {
      this.#pass(peer);
      this.#tell(peer);
    }
  }

  /** The main thread has its socket. */
  mainHas(port: number): void {
    this.#ownMain = port;
    for (const peer of this.#peers.keys()) this.#tell(peer);
  }

  peerUp(peer: string, incarnation: number): void {
    this.#peers.set(peer, { incarnation, ports: [], mainPort: 0 });
    this.#tell(peer);
  }

  /** What it said holds for as long as it answers. */
  peerDown(peer: string): void {
    this.#peers.delete(peer);
  }

  /** By its link: the process that has it now. */
  heard(peer: string, incarnation: number, ports: readonly number[], mainPort: number): void {
    if (ports.length > limits.workersPerNodeMax) return;
    this.#peers.set(peer, { incarnation, ports, mainPort });
    this.#pass(peer);
  }

  /** The address of the peer is known by now, or another one. */
  addressed(peer: string): void {
    this.#pass(peer);
  }

  #tell(peer: string): void {
    if (this.#own.some((port) => port > 0)) this.#ports.tellPeer(peer, this.#own, this.#ownMain);
  }

  #pass(node: string): void {
    const slot = this.#shortcuts.slotOf(node);
    const host = this.#ports.hostOf(node);
    const peer = this.#peers.get(node);
    if (slot < 0 || host === undefined || peer === undefined || peer.ports.length === 0) return;
    const { incarnation, ports, mainPort } = peer;
    this.#ports.tellWorkers({ slot, node, incarnation, host, ports, mainPort });
  }
}
