/** One other node as the mesh of links knows it (link-mesh.ts), and what is told of it to people. */
import type { LinkConnection } from './link-connection.ts';
import type { LinkSession } from './link-session.ts';

export interface PeerStats {
  readonly id: string;
  readonly up: boolean;
  readonly incarnation: number;
  /** Since when it is up, our monotonic clock; 0 while it is down. */
  readonly upSinceMs: number;
  /** Milliseconds there and back; -1 not known. */
  readonly rttMs: number;
  readonly heldBytes: number;
  /** Of them those that were not written yet. */
  readonly waitingBytes: number;
  readonly unacknowledged: number;
  readonly sent: number;
  /** Items that `send` refused: link down, too long, or too much held already. */
  readonly refused: number;
  /** New work that was given up because too much waited. */
  readonly shed: number;
  readonly received: number;
  readonly ups: number;
}

export interface Peer {
  readonly id: string;
  readonly session: LinkSession;
  /** '' for a peer that came by itself and that `setPeers` does not know. */
  address: string;
  /** The link that carries items. */
  current: LinkConnection | undefined;
  dialling: LinkConnection | undefined;
  /** Takes the next attempt back. */
  redial: (() => void) | undefined;
  backoffMs: number;
  /** Why the last dialling failed, as it was logged; '' after a link. */
  failure: string;
  upSinceMs: number;
  isDirty: boolean;
  sent: number;
  refused: number;
  received: number;
  ups: number;
}

export function newPeer(id: string, session: LinkSession): Peer {
  return {
    id,
    session,
    address: '',
    current: undefined,
    dialling: undefined,
    redial: undefined,
    backoffMs: 0,
    failure: '',
    upSinceMs: 0,
    isDirty: false,
    sent: 0,
    refused: 0,
    received: 0,
    ups: 0,
  };
}

export function statsOf({ id, session, current, upSinceMs, sent, refused, received, ups }: Peer): PeerStats {
  return {
    id,
    up: session.isUp,
    incarnation: session.peerIncarnation,
    upSinceMs: session.isUp ? upSinceMs : 0,
    rttMs: current?.rttMs ?? -1,
    heldBytes: session.heldBytes,
    waitingBytes: session.waitingBytes,
    unacknowledged: session.unacknowledged,
    sent,
    refused,
    shed: session.shed,
    received,
    ups,
  };
}
