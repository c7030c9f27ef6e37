/** What control says to other nodes, and when: heartbeats, tables, and the wish for a link. */
import { limits } from '../src/limits.ts';
import type { ControlEffect, ControlIdentity, PeerFrame } from './control-types.ts';
import type { Membership } from './membership.ts';
import type { Roster } from './roster.ts';
import type { TableKeeper } from './table-keeper.ts';

export class Peers {
  readonly #identity: ControlIdentity;
  readonly #membership: Membership;
  readonly #roster: Roster;
  readonly #keeper: TableKeeper;
  readonly #emit: (effect: ControlEffect) => void;
  #heartbeatAtMs = -Infinity;
  #connectAtMs = -Infinity;

  constructor(
    identity: ControlIdentity,
    membership: Membership,
    roster: Roster,
    keeper: TableKeeper,
    emit: (effect: ControlEffect) => void,
  ) {
    this.#identity = identity;
    this.#membership = membership;
    this.#roster = roster;
    this.#keeper = keeper;
    this.#emit = emit;
  }

  tick(nowMs: number): void {
    if (nowMs - this.#heartbeatAtMs >= limits.heartbeatMs) this.heartbeatAll(nowMs);
    if (nowMs - this.#connectAtMs >= limits.connectRetryMs) this.connectAll(nowMs);
  }

  heartbeatAll(nowMs: number): void {
    this.#heartbeatAtMs = nowMs;
    for (const { id, incarnation } of this.#membership.linkedPeers()) this.heartbeat(id, incarnation, nowMs);
  }

  heartbeat(peer: string, incarnation: number, nowMs: number): void {
    const { epoch, nonce } = this.#keeper;
    this.send(peer, incarnation, { type: 'heartbeat', sentAtMs: nowMs, epoch, nonce });
  }

  /** Asks for links to those members that have none. */
  connectAll(nowMs: number): void {
    this.#connectAtMs = nowMs;
    for (const member of this.#keeper.table?.members ?? []) {
      const { id: peer, incarnation, link: address } = member;
      if (peer === this.#identity.id || this.#roster.isDead(member)) continue;
      if (!this.#membership.isLinked(peer, incarnation)) this.#emit({ do: 'connect', peer, incarnation, address });
    }
  }

  isLinkedToAll(): boolean {
    return (this.#keeper.table?.members ?? []).every(
      (member) => this.#roster.isDead(member) || this.#membership.isLinked(member.id, member.incarnation),
    );
  }

  sendTableToAll(): void {
    for (const { id, incarnation } of this.#membership.linkedPeers()) this.sendTable(id, incarnation);
  }

  sendTable(peer: string, incarnation: number): void {
    if (this.#keeper.table !== undefined) this.send(peer, incarnation, { type: 'table', bytes: this.#keeper.packed });
  }

  send(peer: string, incarnation: number, frame: PeerFrame): void {
    this.#emit({ do: 'send', peer, incarnation, frame });
  }
}
