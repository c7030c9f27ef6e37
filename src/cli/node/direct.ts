/** Short ways between workers (cluster/direct/) in the main thread of a node: memory of the shortcuts, and who listens where. */
import { isIP } from 'node:net';
import { DirectPeers } from '../../../cluster/direct/peers.ts';
import { Shortcuts } from '../../../cluster/direct/shortcuts.ts';
import type { PeerItem } from '../../../cluster/peer-items.ts';
import { parseHostPort } from '../../config/address.ts';
import { forwardOf } from '../../config/config.ts';
import type { Config } from '../../config/config.ts';
import { limits } from '../../limits.ts';
import type { ToWorker } from '../worker/messages.ts';

export interface DirectNodePorts {
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

  constructor(config: Config, incarnation: number, ports: DirectNodePorts) {
    const { node } = config;
    const shortcuts = new Shortcuts(node.id, new Int32Array(this.places));
    this.shortcuts = forwardOf(config) === 'datagrams' ? shortcuts : undefined;
    this.peers = new DirectPeers({ node: node.id, incarnation, host: node.link.host }, node.workers, shortcuts, {
      tellPeer: (peer, own) => ports.sendPeer(peer, { kind: 'workers', ports: own }),
      tellWorkers: (workers) => ports.tellWorkers({ type: 'direct', workers }),
      hostOf: (peer) => addressOf(parseHostPort(ports.addressOf(peer) ?? '')?.host),
    });
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
