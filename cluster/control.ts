/**
 * The brain of one node: keeps its lease, knows the members, plans and adopts tables, takes and gives partitions, and
 * decides whether the node may act at all. Pure: `step(input, nowMs)` returns the effects for the shell to perform, in
 * order. The protocol, its states and its argument are in docs/cluster-control.md.
 */
import { limits, profiles } from '../src/limits.ts';
import type { Times } from '../src/limits.ts';
import type { LogLevel } from '../src/outside.ts';
import { infoOf, memberOf, ownerName } from './control-types.ts';
import type {
  ControlEffect,
  ControlIdentity,
  ControlInput,
  ControlOptions,
  PeerFrame,
  StoreOperation,
} from './control-types.ts';
import { LeaseRelay } from './lease-relay.ts';
import { Leaving } from './leaving.ts';
import type { Ending } from './leaving.ts';
import { MemberReads } from './member-reads.ts';
import { Membership } from './membership.ts';
import { Peers } from './peers.ts';
import { PlanTime } from './plan-time.ts';
import type { Facts } from './plan.ts';
import { Plans } from './plans.ts';
import { Roster } from './roster.ts';
import { Shares } from './shares.ts';
import { StoreCalls } from './store-calls.ts';
import type { Done } from './store-calls.ts';
import { StoreClock } from './store-clock.ts';
import { TableKeeper } from './table-keeper.ts';
import type { CoordinationStore, LeaseReply, MemberRow } from './store-ports.ts';
import { describeTable, hasShare, isMember, unpackTable } from './table.ts';
import type { Table } from './table.ts';
import { Votes } from './votes.ts';

export class Control {
  readonly #identity: ControlIdentity;
  readonly #name: string;
  readonly #plans: Plans;
  readonly #membership: Membership;
  readonly #shares: Shares;
  #effects: ControlEffect[] = [];
  #nowMs = 0;
  #publishedUntilMs = 0;
  readonly #times: Times;
  readonly #calls: StoreCalls;
  readonly #storeClock = new StoreClock();
  readonly #keeper: TableKeeper;
  readonly #peers: Peers;
  readonly #roster = new Roster();
  #wasMember = false;
  /** Next renewal, or next release while leaving. */
  #leaseAtMs = -Infinity;
  #leaseSinceMs = Infinity;
  /** Renewals since the last answer of the store. */
  #leasesUnanswered = 0;
  readonly #relay: LeaseRelay;
  readonly #votes: Votes;
  readonly #timed: readonly { nextTickMs(): number }[];
  readonly #reads: MemberReads;
  readonly #planTime = new PlanTime();
  readonly #leaving = new Leaving();
  #exited = false;
  readonly #nonce = (): string => `${this.#name}.${this.#calls.last}`;

  constructor({ identity, partitions, preferences }: ControlOptions) {
    this.#identity = identity;
    this.#times = profiles[identity.profile ?? 'default'];
    this.#calls = new StoreCalls(this.#times);
    this.#name = ownerName(identity.id, identity.incarnation);
    this.#plans = new Plans(partitions, preferences);
    this.#membership = new Membership(identity.id, this.#times);
    this.#shares = new Shares(identity.id, identity.incarnation, this.#plans.partitions, {
      emit: (effect) => this.#effects.push(effect),
      ask: (op, args, done) => this.#ask(op, args, done),
      tableIsOld: (epoch) => this.#keeper.want(epoch),
    });
    this.#keeper = new TableKeeper(this.#plans.partitions, this.#times, {
      ask: (op, args, done) => this.#ask(op, args, done),
      note: (level, event, fields) => this.#note(level, event, fields),
      adopted: (before, ours, nowMs) => this.#adopted(before, ours, nowMs),
      planAgain: () => this.#planTime.now(),
      mayStore: () => !this.#membership.latched,
      nonce: this.#nonce,
    });
    this.#peers = new Peers(identity, this.#membership, this.#roster, this.#keeper, this.#times, (effect) =>
      this.#effects.push(effect),
    );
    this.#reads = new MemberReads(this.#roster, this.#times.leaseRenewMs, {
      ask: (done) => void this.#ask('members', [], done),
      news: () => this.#planTime.now(),
    });
    this.#relay = new LeaseRelay(this.#peers, this.#membership, this.#calls, this.#times, {
      ask: (op, args, done) => this.#ask(op, args, done),
      note: (event, peer) => this.#note('debug', event, { peer }),
    });
    this.#votes = new Votes(this.#membership, this.#roster, this.#storeClock, {
      ask: (vote, done) => void this.#ask('vote', vote, done),
      dead: ({ id: member, incarnation }) => {
        this.#planTime.now();
        this.#note('warn', 'member-dead', { member, incarnation, by: 'votes' });
      },
    });
    this.#timed = [this.#membership, this.#calls, this.#reads, this.#peers, this.#planTime, this.#keeper, this.#votes];
  }

  get table(): Table | undefined {
    return this.#keeper.table;
  }

  /** At most what the clock of the store shows. */
  get #storeNowMs(): number {
    return this.#nowMs + this.#storeClock.leastMs;
  }

  /** Last member rows read from the store. */
  get members(): readonly MemberRow[] {
    return this.#roster.rows ?? [];
  }

  /** The last thing asked of the store was answered. */
  get storeUp(): boolean {
    return this.#calls.answers;
  }

  get draining(): boolean {
    return this.#leaving.draining;
  }

  /** This node serves everything the table wants of it and may act: the answer of /readyz. */
  isReady(nowMs: number): boolean {
    if (!this.#wasMember || this.#leaving.draining) return false;
    return nowMs < this.#membership.serveUntilMs && this.#shares.isServing() && hasShare(this.table, this.#identity.id);
  }

  /** Who can pass items on to this node, which we do not reach; undefined: nobody, or it is reached. */
  relayTo(node: string): string | undefined {
    return this.#peers.relayTo(node, this.#nowMs);
  }

  /** One line for people. */
  describe(): string {
    const standing = this.#roster.bar ?? (this.#membership.latched ? 'stopped' : 'acting');
    return `${this.#name} ${standing}, ${describeTable(this.table)}, partitions: ${this.#shares.describe()}`;
  }

  /**
   * When a tick next has something to do, by the clock of `step`: those before may be left out. To be asked again after
   * every other input.
   */
  nextTickMs(): number {
    if (this.#exited) return Infinity;
    if (!this.#wasMember || this.#membership.latched || this.#leaving.isUnderWay || this.#shares.isUnsettled)
      return -Infinity;
    let atMs = this.#leaseAtMs;
    for (const part of this.#timed) atMs = Math.min(atMs, part.nextTickMs());
    return atMs;
  }

  /** `nowMs` is monotonic and local to this process. */
  step(input: ControlInput, nowMs: number): readonly ControlEffect[] {
    this.#effects = [];
    if (this.#exited) return this.#effects;
    this.#nowMs = nowMs;
    if (this.#membership.look(nowMs, this.#calls.last + 1)) {
      this.#publishUntil();
      this.#note('warn', 'stopped', { reason: 'neither the lease nor enough peers vouch for this node' });
      this.#leaseAtMs = nowMs;
    }
    this.#take(input);
    if (input.type === 'tick') this.#tick();
    this.#leaveIfDue();
    this.#planIfDue();
    this.#shares.run(nowMs, input.type === 'tick', this.#leaving.closing, this.#calls.answers);
    if (this.#membership.leasedOnce) this.#keeper.readIfWanted(nowMs);
    this.#publishUntil();
    return this.#effects;
  }

  #take(input: ControlInput): void {
    switch (input.type) {
      case 'tick':
        return;
      case 'store-reply':
        return this.#calls.answered(input.id, { result: input.result }, this.#nowMs);
      case 'store-error':
        return this.#calls.answered(input.id, undefined, this.#nowMs);
      case 'peer-up':
        return this.#peers.up(input.peer, input.incarnation, this.#nowMs);
      case 'peer-down':
        if (this.#peers.down(input.peer, input.incarnation, this.#nowMs)) this.#reads.often(this.#nowMs);
        return;
      case 'peer-frame':
        return this.#peerFrame(input.peer, input.incarnation, input.frame);
      case 'worker-up':
      case 'worker-down':
      case 'worker-serving':
      case 'worker-frozen':
      case 'worker-fenced':
        if (input.type === 'worker-fenced') this.#leaseAtMs = this.#nowMs; // Told so by the store: are we dead?
        return this.#shares.take(input, this.#nowMs);
      case 'drain':
        if (this.#leaving.wish(this.#nowMs, input.holdMs)) this.#leaseAtMs = this.#nowMs;
        this.#planTime.now();
        return;
      case 'held':
        this.#leaving.held(input);
    }
  }

  #tick(): void {
    const nowMs = this.#nowMs;
    this.#calls.expire(nowMs);
    if (this.#leaving.gone) return nowMs >= this.#leaseAtMs ? this.#release() : undefined;
    const renews = nowMs >= this.#leaseAtMs;
    if (renews) this.#lease();
    if (this.#membership.leasedOnce) this.#reads.tick(nowMs, renews);
    this.#peers.tick(nowMs, this.#storeNowMs);
    this.#planTime.tick(nowMs);
    if (!this.#wasMember) this.#planTime.now();
    this.#votes.tick(this.#wasMember ? this.table : undefined, nowMs);
  }

  #ask<O extends StoreOperation>(op: O, args: Readonly<Parameters<CoordinationStore[O]>>, done: Done<O>): number {
    return this.#calls.ask(op, args, done, this.#nowMs, this.#effects);
  }

  #lease(): void {
    const sentMs = this.#nowMs;
    const { id, incarnation } = this.#identity;
    const info = infoOf(this.#identity, this.#leaving.draining);
    this.#leaseAtMs = sentMs + (this.#membership.latched ? limits.controlRetryMs : this.#times.leaseRenewMs);
    if (this.#leasesUnanswered++ > 0 && this.#membership.leasedOnce) this.#relay.ask(info.draining, sentMs);
    const operation = this.#ask('lease', [id, incarnation, this.#times.leaseTtlMs, info], (reply, nowMs) => {
      if (reply === undefined) return;
      this.#leasesUnanswered = 0;
      this.#leaseReply(reply.result, sentMs, operation, nowMs);
    });
  }

  #leaseReply(reply: LeaseReply, sentMs: number, operation: number, nowMs: number): void {
    if (this.#leaving.gone) return; // Asked before the release, answered after it.
    if (reply.result === 'dead' || reply.result === 'superseded') return this.#over(reply.result);
    const offsetMs = this.#storeClock.heard(reply.nowMs, sentMs, nowMs);
    if (reply.result === 'predecessor-alive') {
      if (this.#identity.linkHeld) this.#releasePredecessor();
      return;
    }
    const first = !this.#membership.leasedOnce;
    const wasLatched = this.#membership.latched;
    this.#membership.leased(sentMs, operation, nowMs);
    this.#membership.update(this.#keeper.table);
    if (wasLatched && !this.#membership.latched) this.#note('info', 'acting', { epoch: this.#keeper.epoch });
    if (wasLatched) this.#planTime.now();
    this.#effects.push({ do: 'cluster-clock', offsetMs });
    if (first) {
      this.#leaseSinceMs = nowMs;
      this.#reads.now(nowMs);
    }
    this.#keeper.leased(reply, nowMs);
    if (reply.storeLife !== undefined) this.#shares.storeLives(reply.storeLife);
  }

  #releasePredecessor(): void {
    this.#ask('members', [], (reply) => {
      const row = reply && this.#roster.predecessor(this.#identity, reply.result);
      if (row === undefined) return;
      this.#note('info', 'release-predecessor', { incarnation: row.incarnation });
      this.#ask('release', [row.id, row.incarnation], () => (this.#leaseAtMs = -Infinity));
    });
  }

  #publishUntil(): void {
    const { serveUntilMs: untilMs } = this.#membership;
    if (untilMs !== this.#publishedUntilMs) this.#effects.push({ do: 'serve-until', untilMs });
    this.#publishedUntilMs = untilMs;
  }

  #over(reason: 'dead' | 'superseded'): void {
    this.#membership.stop(this.#calls.last + 1);
    this.#publishUntil();
    this.#note('error', 'over', { reason });
    this.#exit({ code: 70, reason });
  }

  #exit(ending: Ending): void {
    if (!this.#exited) this.#effects.push({ do: 'exit', ...ending });
    this.#exited = true;
  }

  #peerFrame(id: string, incarnation: number, frame: PeerFrame): void {
    if (id === this.#identity.id) return;
    this.#membership.heard(id, incarnation, this.#nowMs);
    switch (frame.type) {
      case 'heartbeat':
        if (this.#membership.adopted(id, incarnation, frame.epoch) && (this.#keeper.table?.jointSince ?? 0) > 0)
          this.#planTime.soon(this.#nowMs);
        this.#peers.heardHeartbeat(id, incarnation, frame, this.#nowMs);
        return this.#peers.echo(id, incarnation, frame.sentAtMs, this.#nowMs);
      case 'heartbeat-ack':
        if (frame.sentAtMs > this.#nowMs) return;
        this.#membership.confirmed(id, incarnation, frame.sentAtMs, frame.votedAgoMs);
        return this.#membership.update(this.#keeper.table);
      case 'table': {
        const table = unpackTable(frame.bytes);
        if (table === undefined) return this.#note('warn', 'bad-table', { peer: id });
        if (this.#membership.leasedOnce) this.#keeper.offer(table, frame.bytes, this.#nowMs);
        return;
      }
      case 'handed':
        return this.#shares.handed(frame, ownerName(id, incarnation), this.#nowMs);
      case 'lease':
        return this.#relay.serve(id, incarnation, frame, this.members);
      case 'lease-reply':
        return this.#relay.answered(frame, this.#nowMs, (sentMs) =>
          this.#leaseReply(frame.reply, sentMs, frame.operation, this.#nowMs),
        );
    }
  }

  #adopted(before: Table | undefined, ours: boolean, nowMs: number): void {
    const table = this.#keeper.table!;
    const { id, incarnation } = this.#identity;
    const member = isMember(table, id, incarnation);
    // Whoever planned without us saw that we are dead; a lease we may have thought fresh cannot be.
    if (this.#wasMember && !member && !this.#leaving.gone) return this.#over('dead');
    this.#wasMember = member;
    this.#membership.remember(table, nowMs);
    this.#membership.update(table);
    this.#planTime.adopted(ours, nowMs);
    this.#effects.push({ do: 'table', table });
    this.#peers.disconnectGone(before, table);
    this.#shares.adopt(table, nowMs);
    this.#peers.connectAll(nowMs);
    this.#peers.heartbeatAll(nowMs); // At once, so that whoever waits for our adoption hears of it.
    if (ours) this.#peers.sendTableToAll();
  }

  #planIfDue(): void {
    if (this.#shares.isArrivalDue(this.#nowMs)) this.#planTime.now();
    if (!this.#planTime.isDue || !this.#keeper.isSettled(this.#nowMs) || this.#leaving.gone) return;
    if (this.#exited || this.#membership.latched || this.#roster.rows === undefined) return;
    this.#planTime.begun(this.#nowMs);
    const reason = this.#roster.refusal(this.#identity.profile, this.#keeper.table, this.#storeNowMs);
    if (reason !== undefined) return this.#leave({ code: 78, reason });
    const facts = this.#facts();
    if (!this.#wasMember && facts.joining.length === 0) return; // Members see to the rest.
    const next = this.#plans.next(this.#keeper.table, facts, this.#nonce());
    if (next !== undefined) this.#keeper.store(this.#keeper.table, next);
  }

  #facts(): Facts {
    const { id } = this.#identity;
    const self = memberOf(this.#identity, this.#identity, this.#leaving.draining);
    // Joining waits a while for the links, so that nothing has to be forwarded where it cannot go.
    const linked = this.#peers.isLinkedToAll() || this.#nowMs - this.#leaseSinceMs >= limits.joinWaitMs;
    return {
      dead: this.#roster.deadOf(this.#keeper.table),
      joining: this.#roster.joining(self, this.#keeper.table, this.#storeNowMs, linked, this.#identity.profile),
      profile: this.#identity.profile,
      draining: new Set(this.#leaving.draining ? [id] : []),
      arrived: this.#shares.isArrivalDue(this.#nowMs) ? this.#shares.arrived() : [],
      schema: this.#roster.schema(this.#keeper.table, this.#nowMs),
      adoptedEpoch: (member) => (member.id === id ? this.#keeper.epoch : this.#membership.adoptedEpoch(member)),
    };
  }

  #leaveIfDue(): void {
    if (!this.#leaving.draining || this.#keeper.storing || this.#exited) return;
    const heirs = this.#roster.hasHeirs(this.#keeper.table);
    if (this.#leaving.isDue(this.#identity, this.#keeper.table, heirs, this.#shares, this.#nowMs))
      this.#leave({ code: 0, reason: 'drained' });
  }

  #leave(ending: Ending): void {
    this.#leaving.go(ending, this.#nowMs);
    this.#membership.stop(Infinity);
    this.#publishUntil();
    this.#release();
  }

  #release(): void {
    this.#leaseAtMs = Infinity;
    this.#ask('release', [this.#identity.id, this.#identity.incarnation], (reply, nowMs) => {
      if (reply !== undefined || this.#leaving.hasTriedEnough(nowMs)) return this.#exit(this.#leaving.ending);
      this.#leaseAtMs = nowMs + limits.controlRetryMs;
    });
  }

  #note(level: LogLevel, event: string, fields: Record<string, string | number | boolean>): void {
    this.#effects.push({ do: 'note', level, event, fields });
  }
}
