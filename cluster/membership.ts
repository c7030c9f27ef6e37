/**
 * May this node act, and which peers does it no longer hear? Pure bookkeeping of leases, heartbeats, their echoes and
 * votes; the argument why no two nodes may act for one partition is in docs/cluster-control.md.
 */
import { limits, profiles } from '../src/limits.ts';
import type { Times } from '../src/limits.ts';
import { isMember } from './table.ts';
import type { Table, TableMember } from './table.ts';

interface Peer {
  readonly id: string;
  readonly incarnation: number;
  linked: boolean;
  /** Last frame from it, our clock; when we first had to know it otherwise. */
  heardMs: number;
  /** When we sent the last heartbeat that it echoed as a confirmation. */
  confirmedMs: number;
  /** Highest table epoch it told us. */
  epoch: number;
}

export class Membership {
  readonly id: string;
  readonly #times: Times;
  /**
   * The node may act while the clock is below this. Whoever lets it pass is stopped: the latch opens only for a renewal
   * that was asked for after the stop.
   */
  serveUntilMs = 0;
  /** Stopped: neither lease nor peers vouch for us, or not yet. */
  latched = true;
  /** Store operations below this id were asked before the stop. */
  #latchedAtOperation = 0;
  /** When the last good renewal was sent. */
  #leasedMs = -Infinity;
  /** First good renewal: of votes before it by an earlier incarnation we know nothing. */
  #firstLeaseMs = Infinity;
  #lastLookMs: number | undefined;
  /** An old incarnation and its successor are two peers. Few, and looked for all the time: in the order they were first known. */
  #peers: Peer[] = [];
  /** Those of them that have a link; another array whenever it is not the same any more. */
  #linked: readonly Peer[] = [];
  /** Scratch of `#confirmedIn`. */
  readonly #confirmations: number[] = [];
  /** By id: votes outlive the peer's entry. */
  readonly #votedMs = new Map<string, number>();

  constructor(id: string, times: Times = profiles.default) {
    this.id = id;
    this.#times = times;
  }

  /**
   * To be called before anything else in every step. True when the node has just lost its standing. After a pause no
   * peer is blamed for the silence that was ours.
   */
  look(nowMs: number, nextOperation: number): boolean {
    const lagMs = nowMs - (this.#lastLookMs ?? nowMs) - this.#times.heartbeatMs;
    this.#lastLookMs = nowMs;
    if (lagMs > limits.healthyLagMs) for (const peer of this.#peers) peer.heardMs = nowMs;
    if (this.latched || nowMs < this.serveUntilMs) return false;
    this.stop(nextOperation);
    return true;
  }

  /** When `look` is to be called at the latest: as often as peers are told of us, and when our time is over. */
  nextTickMs(): number {
    const lookMs = this.#peers.length === 0 ? Infinity : (this.#lastLookMs ?? -Infinity) + this.#times.heartbeatMs;
    return this.latched ? lookMs : Math.min(lookMs, this.serveUntilMs);
  }

  stop(nextOperation: number): void {
    this.latched = true;
    this.serveUntilMs = 0;
    this.#latchedAtOperation = nextOperation;
  }

  get leasedOnce(): boolean {
    return this.#firstLeaseMs !== Infinity;
  }

  leased(sentMs: number, operation: number, nowMs: number): void {
    this.#leasedMs = Math.max(this.#leasedMs, sentMs);
    if (!this.leasedOnce) {
      this.#firstLeaseMs = nowMs;
      for (const peer of this.#peers) peer.heardMs = nowMs;
    }
    if (operation >= this.#latchedAtOperation && nowMs < this.#leaseEndMs()) this.latched = false;
  }

  /** Computes `serveUntilMs` anew from lease, table and confirmations; call after any of them changed. */
  update(table: Table | undefined): void {
    this.serveUntilMs = this.latched ? 0 : Math.max(this.#leaseEndMs(), this.#confirmedUntilMs(table));
  }

  linked(id: string, incarnation: number, linked: boolean, nowMs: number): void {
    this.#peer(id, incarnation, nowMs).linked = linked;
    this.#linked = this.#peers.filter((peer) => peer.linked);
  }

  isLinked(id: string, incarnation: number): boolean {
    return this.#known(id, incarnation)?.linked === true;
  }

  heard(id: string, incarnation: number, nowMs: number): void {
    this.#peer(id, incarnation, nowMs).heardMs = nowMs;
  }

  /** A peer that is itself in good standing echoed our heartbeat. */
  confirmed(id: string, incarnation: number, sentMs: number, votedAgoMs: number): void {
    const peer = this.#known(id, incarnation);
    if (peer === undefined || votedAgoMs <= this.#times.voteTtlMs + this.#times.voteIssueWindowMs) return;
    peer.confirmedMs = Math.max(peer.confirmedMs, sentMs);
  }

  /** It told us the epoch of its table; true when that is news. */
  adopted(id: string, incarnation: number, epoch: number): boolean {
    const peer = this.#known(id, incarnation);
    if (peer === undefined || peer.epoch >= epoch) return false;
    peer.epoch = epoch;
    return true;
  }

  adoptedEpoch(member: TableMember): number {
    return this.#known(member.id, member.incarnation)?.epoch ?? 0;
  }

  /** What an echo to this peer has to say: how long ago we last voted against its id, as far as we can know. */
  votedAgoMs(id: string, nowMs: number): number {
    return nowMs - Math.max(this.#votedMs.get(id) ?? -Infinity, this.#firstLeaseMs);
  }

  /** Is it time for a (further) vote against this member? Only who is in good standing votes. */
  shallVote(member: TableMember, nowMs: number): boolean {
    if (this.latched) return false;
    const peer = this.#peer(member.id, member.incarnation, nowMs);
    if (nowMs - peer.heardMs <= this.#times.voteGuardMs) return false;
    return nowMs - (this.#votedMs.get(member.id) ?? -Infinity) >= this.#times.voteRepeatMs;
  }

  /** When that time comes if nothing is heard of it. */
  nextVoteMs({ id, incarnation }: TableMember): number {
    const heardMs = this.#known(id, incarnation)?.heardMs ?? -Infinity;
    const votedMs = this.#votedMs.get(id) ?? -Infinity;
    return Math.max(heardMs + this.#times.voteGuardMs, votedMs + this.#times.voteRepeatMs);
  }

  voted(id: string, nowMs: number): void {
    this.#votedMs.set(id, nowMs);
  }

  /** Remembers a vote, and gives the words of it for the store, whose clock is ahead of ours by `storeAheadMs` at least. */
  vote(id: string, incarnation: number, storeAheadMs: number, nowMs: number): [string, number, string, number] {
    this.voted(id, nowMs);
    // Whole milliseconds, as the store counts; rounded down, so that no vote looks younger than it is.
    return [id, incarnation, this.id, Math.floor(nowMs + storeAheadMs)];
  }

  /** Knows the members of the table from now on, and forgets who is neither a member nor linked. */
  remember(table: Table, nowMs: number): void {
    this.#peers = this.#peers.filter((peer) => peer.linked || isMember(table, peer.id, peer.incarnation));
    for (const { id, incarnation } of table.members) if (id !== this.id) this.#peer(id, incarnation, nowMs);
  }

  /** Incarnations with a link, members or not: the same array while they are the same. */
  linkedPeers(): readonly { readonly id: string; readonly incarnation: number }[] {
    return this.#linked;
  }

  #leaseEndMs(): number {
    return this.#leasedMs + this.#times.leaseTtlMs - this.#times.leaseMarginMs;
  }

  /** Until when so many peers confirm us that the rest is too few to vote us dead; Infinity when nobody could. */
  #confirmedUntilMs(table: Table | undefined): number {
    if (table === undefined) return -Infinity;
    const current = this.#confirmedIn(table.voters);
    return table.nextVoters.length === 0 ? current : Math.min(current, this.#confirmedIn(table.nextVoters));
  }

  #confirmedIn(voters: readonly string[]): number {
    const needed = voters.length - Math.ceil(voters.length / 2) + (voters.includes(this.id) ? 0 : 1);
    if (needed === 0) return Infinity;
    // The latest first.
    const times = this.#confirmations;
    let count = 0;
    for (const id of voters) {
      if (id === this.id) continue;
      let latestMs = -Infinity;
      for (const peer of this.#peers) if (peer.id === id) latestMs = Math.max(latestMs, peer.confirmedMs);
      let place = count++;
      for (; place > 0 && times[place - 1]! < latestMs; place--) times[place] = times[place - 1]!;
      times[place] = latestMs;
    }
    return (needed <= count ? times[needed - 1]! : -Infinity) + this.#times.heartbeatFreshMs;
  }

  #peer(id: string, incarnation: number, nowMs: number): Peer {
    const known = this.#known(id, incarnation);
    if (known !== undefined) return known;
    const peer: Peer = { id, incarnation, linked: false, heardMs: nowMs, confirmedMs: -Infinity, epoch: 0 };
    this.#peers.push(peer);
    return peer;
  }

  #known(id: string, incarnation: number): Peer | undefined {
    for (const peer of this.#peers) if (peer.incarnation === incarnation && peer.id === id) return peer;
    return undefined;
  }
}
