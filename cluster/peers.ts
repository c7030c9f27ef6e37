/** What control says to other nodes, and when: heartbeats, tables, and the wish for a link. */
import { limits } from '../src/limits.ts';
import type { Times } from '../src/limits.ts';
import type { ControlEffect, ControlIdentity, HeartbeatFrame, PeerFrame } from './control-types.ts';
import type { Membership } from './membership.ts';
import type { Roster } from './roster.ts';
import type { MemberRow } from './store-ports.ts';
import type { TableKeeper } from './table-keeper.ts';
import { isMember } from './table.ts';
import type { Table, TableMember } from './table.ts';

interface PeerLinks {
  readonly peer: string;
  readonly incarnation: number;
  links: readonly string[];
}

export class Peers {
  readonly #identity: ControlIdentity;
  readonly #membership: Membership;
  readonly #roster: Roster;
  readonly #keeper: TableKeeper;
  readonly #times: Times;
  readonly #emit: (effect: ControlEffect) => void;
  #heartbeatAtMs = -Infinity;
  #connectAtMs = -Infinity;
  /** Which nodes each peer has links to, as it said last. Few. */
  #links: PeerLinks[] = [];
  /** What each peer is told of our own links, by its id, and the peers of which that was made. */
  readonly #ownLinks = new Map<string, readonly string[]>();
  #ownLinksOf: unknown;
  /** Incarnations that have a lease and no place in the table yet, by id: links to them are wanted already. */
  #invited = new Map<string, number>();
  /** Member rows that were looked through for them. */
  #rows: readonly MemberRow[] | undefined;
  /** By id: since when there is no link to it. */
  readonly #downSinceMs = new Map<string, number>();

  constructor(
    identity: ControlIdentity,
    membership: Membership,
    roster: Roster,
    keeper: TableKeeper,
    times: Times,
    emit: (effect: ControlEffect) => void,
  ) {
    this.#identity = identity;
    this.#membership = membership;
    this.#roster = roster;
    this.#keeper = keeper;
    this.#times = times;
    this.#emit = emit;
  }

  /** `storeNowMs`: at most what the clock of the store shows. */
  tick(nowMs: number, storeNowMs: number): void {
    if (nowMs - this.#heartbeatAtMs >= this.#times.heartbeatMs) this.heartbeatAll(nowMs);
    const isDue = nowMs - this.#connectAtMs >= limits.connectRetryMs;
    if (isDue) this.connectAll(nowMs);
    if (isDue || this.#rows !== this.#roster.rows) this.#invite(storeNowMs);
  }

  /** When `tick` next has something to do. */
  nextTickMs(): number {
    const heartbeatMs =
      this.#membership.linkedPeers().length === 0 ? Infinity : this.#heartbeatAtMs + this.#times.heartbeatMs;
    const { rows } = this.#roster;
    if (rows !== this.#rows && (this.#invited.size > 0 || rows?.some((row) => this.#isStrange(row)))) return -Infinity;
    const isLooking = this.#invited.size > 0 || this.#keeper.table?.members.some((each) => this.#lacks(each)) === true;
    return isLooking ? Math.min(heartbeatMs, this.#connectAtMs + limits.connectRetryMs) : heartbeatMs;
  }

  /** It may be about to join. */
  #isStrange({ id, incarnation, status }: MemberRow): boolean {
    const { table } = this.#keeper;
    if (id === this.#identity.id || status !== 'up') return false;
    return table === undefined || !isMember(table, id, incarnation);
  }

  heartbeatAll(nowMs: number): void {
    // By the multiples of the clock, as those of the links: both wake the two threads once.
    this.#heartbeatAtMs = nowMs - (nowMs % this.#times.heartbeatMs);
    for (const { id, incarnation } of this.#membership.linkedPeers()) this.heartbeat(id, incarnation, nowMs);
  }

  heartbeat(peer: string, incarnation: number, nowMs: number): void {
    const { epoch, nonce } = this.#keeper;
    this.send(peer, incarnation, { type: 'heartbeat', sentAtMs: nowMs, epoch, nonce, links: this.#linksBeside(peer) });
  }

  #linksBeside(peer: string): readonly string[] {
    const linked = this.#membership.linkedPeers();
    if (this.#ownLinksOf !== linked) {
      this.#ownLinksOf = linked;
      this.#ownLinks.clear();
    }
    let links = this.#ownLinks.get(peer);
    if (links === undefined) {
      links = linked.filter(({ id }) => id !== peer).map(({ id }) => id);
      this.#ownLinks.set(peer, links);
    }
    return links;
  }

  /** Who of the two has the older table gets the other's. */
  heardHeartbeat(peer: string, incarnation: number, { epoch, nonce, links }: HeartbeatFrame, nowMs: number): void {
    const { epoch: ours, nonce: ourNonce } = this.#keeper;
    const known = this.#linksOf(peer, incarnation);
    if (known === undefined) this.#links.push({ peer, incarnation, links });
    else known.links = links;
    if (epoch < ours) this.sendTable(peer, incarnation);
    if (epoch > ours) this.#keeper.heardOf(epoch, nowMs);
    if (epoch === ours && nonce !== ourNonce) this.#keeper.want();
  }

  /** A node that is stopped may be dead already: its word must not keep another one alive. */
  echo(peer: string, incarnation: number, sentAtMs: number, nowMs: number): void {
    if (this.#membership.latched) return;
    const votedAgoMs = this.#membership.votedAgoMs(peer, nowMs);
    this.send(peer, incarnation, { type: 'heartbeat-ack', sentAtMs, votedAgoMs });
  }

  /** Ends the links to those that are members no more. A link to the next life of one stays. */
  disconnectGone(before: Table | undefined, table: Table): void {
    for (const { id: peer, incarnation } of before?.members ?? []) {
      if (isMember(table, peer, incarnation) || peer === this.#identity.id) continue;
      const next = this.#invited.get(peer) ?? table.members.find(({ id }) => id === peer)?.incarnation;
      if (next === undefined || next === incarnation || !this.#membership.isLinked(peer, next))
        this.#emit({ do: 'disconnect', peer, incarnation });
    }
  }

  /** There is a link to it. */
  up(peer: string, incarnation: number, nowMs: number): void {
    if (peer === this.#identity.id) return;
    this.#membership.linked(peer, incarnation, true, nowMs);
    this.#downSinceMs.delete(peer);
    this.#membership.heard(peer, incarnation, nowMs);
    this.heartbeat(peer, incarnation, nowMs);
    this.sendTable(peer, incarnation);
  }

  /** The link is gone. True when it was one to a member. */
  down(peer: string, incarnation: number, nowMs: number): boolean {
    if (peer === this.#identity.id || !this.#membership.isLinked(peer, incarnation)) return false;
    this.#membership.linked(peer, incarnation, false, nowMs);
    this.#links = this.#links.filter((each) => each.peer !== peer || each.incarnation !== incarnation);
    this.#downSinceMs.set(peer, nowMs);
    return this.#keeper.table !== undefined && isMember(this.#keeper.table, peer, incarnation);
  }

  /**
   * A peer that has links to us and to this node, to which we have had none for so long that nothing waits for the link any
   * more: what goes around must not overtake what lies there.
   */
  relayTo(node: string, nowMs: number): string | undefined {
    const sinceMs = this.#downSinceMs.get(node);
    if (sinceMs === undefined || nowMs - sinceMs <= limits.linkResumeMs) return undefined;
    for (const { id, incarnation } of this.#membership.linkedPeers())
      if (this.#linksOf(id, incarnation)?.links.includes(node) === true) return id;
    return undefined;
  }

  #linksOf(peer: string, incarnation: number): PeerLinks | undefined {
    for (const each of this.#links) if (each.incarnation === incarnation && each.peer === peer) return each;
    return undefined;
  }

  /** Asks for links to those members that have none. */
  connectAll(nowMs: number): void {
    this.#connectAtMs = nowMs;
    for (const member of this.#keeper.table?.members ?? []) {
      const { id: peer, incarnation, link: address } = member;
      if (this.#lacks(member)) this.#emit({ do: 'connect', peer, incarnation, address });
    }
  }

  /** There should be a link to it, and is none. */
  #lacks(member: TableMember): boolean {
    const { id, incarnation } = member;
    return id !== this.#identity.id && !this.#roster.isDead(member) && !this.#membership.isLinked(id, incarnation);
  }

  /**
   * Asks for links to those that are about to join, as only the node with the smaller name dials: who joins waits for its
   * links, so that from the first moment on partitions and what comes for them can be handed to it.
   */
  #invite(storeNowMs: number): void {
    const { table } = this.#keeper;
    this.#rows = this.#roster.rows;
    const before = this.#invited;
    this.#invited = new Map();
    for (const { id: peer, incarnation, info } of this.#roster.candidates(this.#identity.id, table, storeNowMs)) {
      this.#invited.set(peer, incarnation);
      if (!this.#membership.isLinked(peer, incarnation))
        this.#emit({ do: 'connect', peer, incarnation, address: info.link });
    }
    for (const [peer, incarnation] of before)
      if (!this.#invited.has(peer) && table?.members.some(({ id }) => id === peer) !== true)
        this.#emit({ do: 'disconnect', peer, incarnation });
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
