/**
 * Renewal of a lease through a peer: a node that does not reach the store asks the nodes that it reaches, one at a time, to
 * make its renewal for it. The store does the same as for the node itself, and the lease counts from when the node asked, so
 * for the safety of leases (docs/cluster-control.md) it is a slow way to the store and nothing more. Only renewals go this
 * way: for a lease that the peer has seen in the store, under the link's own name and incarnation, one at a time.
 */
import type { Times } from '../src/limits.ts';
import { ownerName } from './control-types.ts';
import type { LeaseFrame } from './control-types.ts';
import type { Membership } from './membership.ts';
import type { Peers } from './peers.ts';
import type { Done, StoreCalls } from './store-calls.ts';
import type { CoordinationStore, MemberRow } from './store-ports.ts';

export interface LeaseRelayPorts {
  ask(op: 'lease', args: Readonly<Parameters<CoordinationStore['lease']>>, done: Done<'lease'>): void;
  note(event: 'lease-relayed' | 'lease-by-peer', peer: string): void;
}

export class LeaseRelay {
  readonly #peers: Peers;
  readonly #membership: Membership;
  readonly #calls: StoreCalls;
  readonly #ports: LeaseRelayPorts;
  readonly #leaseTtlMs: number;
  /** Asked of peers and not answered: by the number of the operation, of whom and when. */
  readonly #asked = new Map<number, { readonly peer: string; readonly sentMs: number }>();
  /** Whose renewals are with the store just now. */
  readonly #underWay = new Set<string>();
  #turn = 0;

  constructor(peers: Peers, membership: Membership, calls: StoreCalls, { leaseTtlMs }: Times, ports: LeaseRelayPorts) {
    this.#peers = peers;
    this.#membership = membership;
    this.#calls = calls;
    this.#ports = ports;
    this.#leaseTtlMs = leaseTtlMs;
  }

  /** Asks the next of the peers; in vain when it does not reach the store either. */
  ask(draining: boolean, nowMs: number): void {
    for (const [operation, { sentMs }] of this.#asked)
      if (nowMs - sentMs >= this.#leaseTtlMs) this.#asked.delete(operation);
    const peers = this.#membership.linkedPeers();
    const peer = peers[this.#turn++ % peers.length];
    if (peer === undefined) return;
    const operation = this.#calls.reserve();
    this.#asked.set(operation, { peer: peer.id, sentMs: nowMs });
    this.#peers.send(peer.id, peer.incarnation, { type: 'lease', operation, draining });
  }

  /** Takes an answer that we wait for; the lease counts from when we asked. */
  answered({ operation }: { readonly operation: number }, nowMs: number, take: (sentMs: number) => void): void {
    const asked = this.#asked.get(operation);
    this.#asked.delete(operation);
    if (asked === undefined || nowMs - asked.sentMs >= this.#leaseTtlMs) return;
    this.#ports.note('lease-by-peer', asked.peer);
    take(asked.sentMs);
  }

  /** A peer asks us. Without an answer of the store it gets none from us. */
  serve(id: string, incarnation: number, { operation, draining }: LeaseFrame, rows: readonly MemberRow[]): void {
    const name = ownerName(id, incarnation);
    const row = rows.find((each) => each.id === id && each.incarnation === incarnation);
    if (row === undefined || this.#underWay.has(name)) return;
    this.#underWay.add(name);
    const info = { ...row.info, draining };
    this.#ports.ask('lease', [id, incarnation, this.#leaseTtlMs, info], (answer) => {
      this.#underWay.delete(name);
      if (answer === undefined) return;
      this.#ports.note('lease-relayed', id);
      this.#peers.send(id, incarnation, { type: 'lease-reply', operation, reply: answer.result });
    });
  }
}
