/**
 * The brain of one node: keeps its lease, knows the members, plans and adopts tables, takes and gives partitions, and
 * decides whether the node may act at all. Pure: `step(input, nowMs)` returns the effects for the shell to perform, in
 * order. The protocol, its states and its argument are in docs/cluster-control.md.
 */
import { limits } from '../src/limits.ts';
import { ownerName } from './control-types.ts';
import type { ControlEffect, ControlIdentity, ControlInput, PeerFrame, StoreOperation, StoreResult } from './control-types.ts';
import { Membership } from './membership.ts';
import { plan } from './plan.ts';
import type { Facts } from './plan.ts';
import { Preferences } from './ring.ts';
import { Shares } from './shares.ts';
import type { CoordinationStore, LeaseReply, MemberInfo, MemberRow, StoredTable } from './store-ports.ts';
import { isMember, memberIndex, packTable, unpackTable } from './table.ts';
import type { Table, TableMember } from './table.ts';

export interface ControlOptions {
  readonly identity: ControlIdentity;
  /** Partitions of the cluster; fewer than limits.partitions in tests only. */
  readonly partitions?: number;
  /** Shared between controls of one process (tests, simulator), so that each ring is computed once. */
  readonly preferences?: Preferences;
}

type Reply<O extends StoreOperation> = { readonly result: ReturnType<CoordinationStore[O]> } | undefined;

interface Pending {
  readonly done: (reply: { readonly result: StoreResult } | undefined, nowMs: number) => void;
  readonly deadlineMs: number;
}

export class Control {
  readonly #identity: ControlIdentity;
  readonly #name: string;
  readonly #preferences: Preferences;
  readonly #membership: Membership;
  readonly #shares: Shares;
  #effects: ControlEffect[] = [];
  #nowMs = 0;
  #publishedUntilMs = 0;

  readonly #pending = new Map<number, Pending>();
  #operations = 0;
  /** The last answer of the store was good. */
  #storeAnswers = false;
  /** Store clock minus ours: at most this much, so that a vote never looks younger than it is. */
  #storeClockAtLeast: number | undefined;

  #table: Table | undefined;
  #tableRead = false;
  #packed: Uint8Array = new Uint8Array();
  #wasMember = false;
  #rows: readonly MemberRow[] | undefined;
  #rowsKey = '';
  readonly #dead = new Set<string>();

  /** Next renewal, or next release while leaving. */
  #leaseAtMs = -Infinity;
  #leaseSinceMs = Infinity;
  #membersAtMs = -Infinity;
  #tableAtMs = -Infinity;
  #fastPollUntilMs = -Infinity;
  #heartbeatAtMs = -Infinity;
  #connectAtMs = -Infinity;
  #planAtMs = -Infinity;
  #arrivedSinceMs = Infinity;
  #readingMembers = false;
  #readingTable = false;
  #wantTable = false;
  #storing = false;
  #planDue = false;

  #draining = false;
  #closingSinceMs = Infinity;
  #leaving = false;
  #leavingSinceMs = 0;
  #exited = false;

  constructor({ identity, partitions, preferences }: ControlOptions) {
    this.#identity = identity;
    this.#name = ownerName(identity.id, identity.incarnation);
    this.#preferences = preferences ?? new Preferences(partitions ?? limits.partitions);
    this.#membership = new Membership(identity.id);
    this.#shares = new Shares(identity.id, identity.incarnation, this.#preferences.partitions, {
      emit: (effect) => this.#effects.push(effect),
      ask: (op, args, done) => this.#ask(op, args, done),
      tableIsOld: () => (this.#wantTable = true),
    });
  }

  get table(): Table | undefined {
    return this.#table;
  }

  /** Last member rows read from the store. */
  get members(): readonly MemberRow[] {
    return this.#rows ?? [];
  }

  /** The last thing asked of the store was answered. */
  get storeUp(): boolean {
    return this.#storeAnswers;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** This node serves everything the table wants of it and may act: the answer of /readyz. */
  isReady(nowMs: number): boolean {
    if (this.#table === undefined || !this.#wasMember || this.#draining) return false;
    return nowMs < this.#membership.serveUntilMs && this.#shares.isServing();
  }

  /** One line for people. */
  describe(): string {
    const standing = this.#membership.latched ? 'stopped' : 'acting';
    const table = this.#table === undefined ? 'no table' : `table ${this.#table.epoch} ${this.#table.nonce}`;
    return `${this.#name} ${standing}, ${table}, partitions: ${this.#shares.describe()}`;
  }

  /** `nowMs` is monotonic and local to this process. */
  step(input: ControlInput, nowMs: number): readonly ControlEffect[] {
    this.#effects = [];
    if (this.#exited) return this.#effects;
    this.#nowMs = nowMs;
    if (this.#membership.look(nowMs, this.#operations + 1)) {
      this.#publishUntil();
      this.#note('warn', 'stopped', { reason: 'neither the lease nor enough peers vouch for this node' });
      this.#leaseAtMs = nowMs;
    }
    this.#take(input);
    if (input.type === 'tick') this.#tick();
    this.#drain();
    this.#planIfDue();
    this.#shares.run(nowMs, input.type === 'tick', this.#closingSinceMs < Infinity, this.#storeAnswers);
    if (this.#wantTable && !this.#readingTable && this.#membership.leasedOnce && nowMs >= this.#tableAtMs) this.#readTable();
    this.#publishUntil();
    return this.#effects;
  }

  #take(input: ControlInput): void {
    switch (input.type) {
      case 'tick':
        return;
      case 'store-reply':
        this.#storeAnswers = true;
        return this.#answered(input.id, { result: input.result });
      case 'store-error':
        this.#storeAnswers = false;
        return this.#answered(input.id, undefined);
      case 'peer-up':
        return this.#peerUp(input.peer, input.incarnation);
      case 'peer-down':
        return this.#peerDown(input.peer, input.incarnation);
      case 'peer-frame':
        return this.#peerFrame(input.peer, input.incarnation, input.frame);
      case 'worker-up':
        return this.#shares.workerUp(input.worker);
      case 'worker-down':
        return this.#shares.workerDown(input.worker);
      case 'worker-serving':
        return this.#shares.serving(input.worker, input.shares);
      case 'worker-frozen':
        return this.#shares.frozen(input.worker, input.attempt, input.shares);
      case 'worker-fenced':
        this.#leaseAtMs = this.#nowMs; // Told so by the store: are we dead?
        return this.#shares.fenced(input.worker, input.shares, this.#nowMs);
      case 'drain':
        if (!this.#draining) this.#leaseAtMs = this.#nowMs;
        this.#draining = true;
        this.#planDue = true;
        return;
    }
  }

  #tick(): void {
    const nowMs = this.#nowMs;
    for (const [id, { done, deadlineMs }] of this.#pending) {
      if (deadlineMs > nowMs) continue;
      this.#pending.delete(id);
      this.#storeAnswers = false;
      done(undefined, nowMs);
    }
    if (this.#leaving) {
      if (nowMs >= this.#leaseAtMs) this.#release();
      return;
    }
    if (nowMs >= this.#leaseAtMs) this.#lease();
    if (this.#membership.leasedOnce) {
      const pollMs = nowMs < this.#fastPollUntilMs ? limits.membersFastPollMs : limits.leaseRenewMs;
      if (nowMs - this.#membersAtMs >= pollMs) this.#readMembers();
    }
    if (nowMs - this.#heartbeatAtMs >= limits.heartbeatMs) this.#heartbeat();
    if (nowMs - this.#connectAtMs >= limits.connectRetryMs) this.#connect();
    if (nowMs - this.#planAtMs >= limits.planRepeatMs || !this.#wasMember) this.#planDue = true;
    this.#vote();
  }

  // The store

  #ask<O extends StoreOperation>(
    op: O,
    args: Readonly<Parameters<CoordinationStore[O]>>,
    done: (reply: Reply<O>, nowMs: number) => void,
  ): number {
    const id = ++this.#operations;
    // A late renewal still counts from when it was sent; every other late answer is void.
    const deadlineMs = this.#nowMs + (op === 'lease' ? limits.leaseTtlMs : limits.controlStoreTimeoutMs);
    this.#pending.set(id, { done: done as Pending['done'], deadlineMs });
    this.#effects.push({ do: 'store', id, op, args } as unknown as ControlEffect);
    return id;
  }

  #answered(id: number, reply: { readonly result: StoreResult } | undefined): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.done(reply, this.#nowMs);
  }

  #lease(): void {
    const sentMs = this.#nowMs;
    const { id, incarnation, link, workers, schema } = this.#identity;
    const info: MemberInfo = { link, workers, schema, draining: this.#draining };
    this.#leaseAtMs = sentMs + (this.#membership.latched ? limits.controlRetryMs : limits.leaseRenewMs);
    const operation = this.#ask('lease', [id, incarnation, limits.leaseTtlMs, info], (reply, nowMs) => {
      if (reply !== undefined) this.#leaseReply(reply.result, sentMs, operation, nowMs);
    });
  }

  #leaseReply(reply: LeaseReply, sentMs: number, operation: number, nowMs: number): void {
    if (reply.result === 'dead' || reply.result === 'superseded') return this.#over(reply.result);
    this.#storeClockAtLeast = reply.nowMs - nowMs;
    if (reply.result === 'predecessor-alive') {
      if (this.#identity.linkHeld) this.#releasePredecessor();
      return;
    }
    const first = !this.#membership.leasedOnce;
    const wasLatched = this.#membership.latched;
    this.#membership.leased(sentMs, operation, nowMs);
    this.#membership.update(this.#table);
    if (wasLatched && !this.#membership.latched) this.#note('info', 'acting', { epoch: this.#table?.epoch ?? 0 });
    if (wasLatched) this.#planDue = true;
    this.#effects.push({ do: 'cluster-clock', offsetMs: reply.nowMs - (sentMs + nowMs) / 2 });
    if (first) {
      this.#leaseSinceMs = nowMs;
      this.#readMembers();
    }
    if (first || reply.tableEpoch !== (this.#table?.epoch ?? 0)) this.#wantTable = true;
  }

  /** An earlier process of this id that had our link address is gone, or we could not hold that address. */
  #releasePredecessor(): void {
    const { id, incarnation, link } = this.#identity;
    this.#ask('members', [], (reply) => {
      const row = reply?.result.find((member) => member.id === id);
      if (row === undefined || row.incarnation >= incarnation || row.info.link !== link) return;
      this.#note('info', 'release-predecessor', { incarnation: row.incarnation });
      this.#ask('release', [id, row.incarnation], () => (this.#leaseAtMs = -Infinity));
    });
  }

  #readMembers(): void {
    if (this.#readingMembers) return;
    this.#readingMembers = true;
    this.#membersAtMs = this.#nowMs;
    this.#ask('members', [], (reply) => {
      this.#readingMembers = false;
      if (reply === undefined) return;
      this.#rows = reply.result;
      const key = JSON.stringify(reply.result.map(({ id, incarnation, status }) => [id, incarnation, status]));
      if (key !== this.#rowsKey) this.#planDue = true;
      this.#rowsKey = key;
    });
  }

  #readTable(): void {
    this.#readingTable = true;
    this.#wantTable = false;
    const sentEpoch = this.#table?.epoch ?? 0;
    this.#ask('readTable', [], (reply, nowMs) => {
      this.#readingTable = false;
      if (reply === undefined) {
        this.#wantTable = true;
        this.#tableAtMs = nowMs + limits.controlRetryMs;
        return;
      }
      this.#tableRead = true;
      this.#planDue = true;
      const stored = reply.result;
      const table = stored === undefined ? undefined : unpackTable(stored.bytes);
      if (stored !== undefined && table === undefined) this.#note('error', 'table-unreadable', { epoch: stored.epoch });
      if (table !== undefined) this.#adopt(table, stored!.bytes, nowMs);
      if ((stored?.epoch ?? 0) < sentEpoch) this.#restoreTable(stored);
    });
  }

  /** The store has lost our table (restored from an old copy, or wiped): give it back, above both epochs. */
  #restoreTable(stored: StoredTable | undefined): void {
    if (this.#storing || this.#table === undefined || this.#membership.latched) return;
    this.#note('error', 'table-lost-by-store', { stored: stored?.epoch ?? 0, ours: this.#table.epoch });
    this.#store(stored, { ...this.#table, epoch: this.#table.epoch + 1, nonce: this.#nonce() });
  }

  // Standing

  #publishUntil(): void {
    const untilMs = this.#membership.serveUntilMs;
    if (untilMs === this.#publishedUntilMs) return;
    this.#publishedUntilMs = untilMs;
    this.#effects.push({ do: 'serve-until', untilMs });
  }

  #vote(): void {
    if (this.#table === undefined || !this.#wasMember || this.#storeClockAtLeast === undefined) return;
    const nowMs = this.#nowMs;
    for (const member of this.#table.members) {
      if (member.id === this.#identity.id || this.#isDead(member) || !this.#membership.shallVote(member, nowMs)) continue;
      this.#membership.voted(member.id, nowMs);
      const { id, incarnation } = member;
      const issuedAtMs = nowMs + this.#storeClockAtLeast;
      this.#ask('vote', [id, incarnation, this.#identity.id, issuedAtMs], (reply) => {
        if (reply?.result !== 'dead') return;
        this.#dead.add(ownerName(id, incarnation));
        this.#planDue = true;
        this.#note('warn', 'member-dead', { member: id, incarnation, by: 'votes' });
      });
    }
  }

  /** Irreversible for an incarnation. */
  #isDead({ id, incarnation }: { readonly id: string; readonly incarnation: number }): boolean {
    const name = ownerName(id, incarnation);
    if (this.#dead.has(name)) return true;
    const row = this.#rows?.find((member) => member.id === id);
    if (row === undefined || row.incarnation < incarnation) return false;
    if (row.incarnation === incarnation && row.status !== 'dead') return false;
    this.#dead.add(name);
    return true;
  }

  #over(reason: 'dead' | 'superseded'): void {
    this.#membership.stop(this.#operations + 1);
    this.#publishUntil();
    this.#note('error', 'over', { reason });
    this.#exit(70, reason);
  }

  #exit(code: 0 | 70, reason: 'drained' | 'dead' | 'superseded'): void {
    if (this.#exited) return;
    this.#exited = true;
    this.#effects.push({ do: 'exit', code, reason });
  }

  // Peers

  #peerUp(id: string, incarnation: number): void {
    if (id === this.#identity.id) return;
    this.#membership.linked(id, incarnation, true, this.#nowMs);
    this.#membership.heard(id, incarnation, this.#nowMs);
    this.#sendHeartbeat(id, incarnation);
    if (this.#table !== undefined) this.#send(id, incarnation, { type: 'table', bytes: this.#packed });
  }

  #peerDown(id: string, incarnation: number): void {
    if (id === this.#identity.id || !this.#membership.isLinked(id, incarnation)) return;
    this.#membership.linked(id, incarnation, false, this.#nowMs);
    if (this.#table === undefined || !isMember(this.#table, id, incarnation)) return;
    // Its supervisor may be about to say that it is dead: look at once and often.
    this.#fastPollUntilMs = this.#nowMs + limits.membersFastPollForMs;
    this.#readMembers();
  }

  #peerFrame(id: string, incarnation: number, frame: PeerFrame): void {
    if (id === this.#identity.id) return;
    this.#membership.heard(id, incarnation, this.#nowMs);
    switch (frame.type) {
      case 'heartbeat': {
        const ours = this.#table?.epoch ?? 0;
        if (this.#membership.adopted(id, incarnation, frame.epoch) && (this.#table?.jointSince ?? 0) > 0) this.#planDue = true;
        if (frame.epoch < ours) this.#send(id, incarnation, { type: 'table', bytes: this.#packed });
        if (frame.epoch > ours || (frame.epoch === ours && frame.nonce !== this.#table?.nonce)) this.#wantTable = true;
        // A node that is stopped may be dead already: its word must not keep another one alive.
        if (this.#membership.latched) return;
        const votedAgoMs = this.#membership.votedAgoMs(id, this.#nowMs);
        return this.#send(id, incarnation, { type: 'heartbeat-ack', sentAtMs: frame.sentAtMs, votedAgoMs });
      }
      case 'heartbeat-ack':
        if (frame.sentAtMs > this.#nowMs) return;
        this.#membership.confirmed(id, incarnation, frame.sentAtMs, frame.votedAgoMs);
        return this.#membership.update(this.#table);
      case 'table': {
        const table = unpackTable(frame.bytes);
        if (table === undefined) return this.#note('warn', 'bad-table', { peer: id });
        if (this.#membership.leasedOnce) this.#adopt(table, frame.bytes, this.#nowMs);
        return;
      }
      case 'handed':
        return this.#shares.handed(frame.partitions, frame.epochs, this.#nowMs);
    }
  }

  #heartbeat(): void {
    this.#heartbeatAtMs = this.#nowMs;
    for (const { id, incarnation } of this.#membership.linkedPeers()) this.#sendHeartbeat(id, incarnation);
  }

  #sendHeartbeat(id: string, incarnation: number): void {
    const { epoch, nonce } = this.#table ?? { epoch: 0, nonce: '' };
    this.#send(id, incarnation, { type: 'heartbeat', sentAtMs: this.#nowMs, epoch, nonce });
  }

  #send(peer: string, incarnation: number, frame: PeerFrame): void {
    this.#effects.push({ do: 'send', peer, incarnation, frame });
  }

  #connect(): void {
    this.#connectAtMs = this.#nowMs;
    for (const member of this.#table?.members ?? []) {
      const { id: peer, incarnation, link: address } = member;
      if (peer === this.#identity.id || this.#isDead(member) || this.#membership.isLinked(peer, incarnation)) continue;
      this.#effects.push({ do: 'connect', peer, incarnation, address });
    }
  }

  // Tables

  #nonce(): string {
    return `${this.#name}.${this.#operations}`;
  }

  #adopt(table: Table, bytes: Uint8Array, nowMs: number): void {
    if (table.epoch <= (this.#table?.epoch ?? 0) || table.owner.length !== this.#preferences.partitions) return;
    const before = this.#table;
    this.#table = table;
    this.#packed = bytes;
    const member = isMember(table, this.#identity.id, this.#identity.incarnation);
    // Whoever planned without us saw that we are dead; a lease we may have thought fresh cannot be.
    if (this.#wasMember && !member && !this.#leaving) return this.#over('dead');
    this.#wasMember = member;
    this.#membership.remember(table, nowMs);
    this.#membership.update(table);
    this.#planDue = true;
    this.#effects.push({ do: 'table', table });
    for (const gone of before?.members ?? []) {
      if (isMember(table, gone.id, gone.incarnation) || gone.id === this.#identity.id) continue;
      this.#effects.push({ do: 'disconnect', peer: gone.id, incarnation: gone.incarnation });
    }
    this.#shares.adopt(table, nowMs);
    this.#connect();
    this.#heartbeat(); // At once, so that whoever waits for our adoption hears of it.
  }

  #planIfDue(): void {
    const { partitions: arrived, all } = this.#shares.arrived();
    if (arrived.length === 0) this.#arrivedSinceMs = Infinity;
    else this.#arrivedSinceMs = Math.min(this.#arrivedSinceMs, this.#nowMs);
    if (arrived.length > 0 && (all || this.#nowMs - this.#arrivedSinceMs >= limits.tableBatchMs)) this.#planDue = true;

    if (!this.#planDue || this.#storing || this.#leaving || this.#exited || this.#membership.latched) return;
    if (!this.#tableRead || this.#rows === undefined) return;
    this.#planDue = false;
    this.#planAtMs = this.#nowMs;
    const next = plan(this.#table, this.#facts(arrived), this.#nonce(), this.#preferences);
    if (next !== undefined) this.#store(this.#table, next);
  }

  #facts(arrived: readonly number[]): Facts {
    const { id, incarnation } = this.#identity;
    const dead = new Set<string>();
    for (const member of this.#table?.members ?? []) {
      if (this.#isDead(member)) dead.add(ownerName(member.id, member.incarnation));
    }
    return {
      dead,
      joining: this.#joining(),
      draining: new Set(this.#draining ? [id] : []),
      arrived,
      adoptedEpoch: (member) =>
        member.id === id && member.incarnation === incarnation ? (this.#table?.epoch ?? 0) : this.#membership.adoptedEpoch(member),
    };
  }

  /** Everyone joins for itself, once it is linked to the others; only into an empty store the first takes all along. */
  #joining(): TableMember[] {
    const { id, incarnation, link, workers } = this.#identity;
    const self: TableMember = { id, incarnation, link, workers, draining: this.#draining };
    const table = this.#table;
    if (table === undefined) {
      const storeNowMs = this.#nowMs + (this.#storeClockAtLeast ?? 0);
      const others = (this.#rows ?? []).filter((row) => row.id !== id && row.status === 'up' && row.leaseUntilMs > storeNowMs);
      return [self, ...others.map(({ id: other, incarnation: inc, info }) => {
        return { id: other, incarnation: inc, link: info.link, workers: info.workers, draining: false };
      })];
    }
    if (isMember(table, id, incarnation) || this.#draining) return [];
    const linked = table.members.every((member) => this.#isDead(member) || this.#membership.isLinked(member.id, member.incarnation));
    return linked || this.#nowMs - this.#leaseSinceMs >= limits.joinWaitMs ? [self] : [];
  }

  #store(expected: { readonly epoch: number; readonly nonce: string } | undefined, next: Table): void {
    const bytes = packTable(next);
    const { epoch, nonce, voters, nextVoters } = next;
    this.#storing = true;
    this.#ask(
      'casTable',
      [expected?.epoch ?? 0, expected?.nonce ?? '', epoch, nonce, bytes, [...voters], [...nextVoters]],
      (reply, nowMs) => {
        this.#storing = false;
        this.#planDue = true;
        if (reply?.result.ok !== true) {
          this.#wantTable = true; // Another was first, or the outcome is unknown: the stored table tells.
          this.#tableRead = false;
          return;
        }
        this.#adopt(next, bytes, nowMs);
        for (const peer of this.#membership.linkedPeers()) this.#send(peer.id, peer.incarnation, { type: 'table', bytes });
      },
    );
  }

  // Leaving

  #drain(): void {
    if (!this.#draining || this.#leaving || this.#exited) return;
    const table = this.#table;
    if (table === undefined || !isMember(table, this.#identity.id, this.#identity.incarnation)) {
      if (!this.#storing) this.#leave();
      return;
    }
    if (!table.members[memberIndex(table, this.#identity.id)]!.draining) return;
    const heirs = table.members.some((member) => !member.draining && !this.#isDead(member));
    if (heirs) {
      this.#closingSinceMs = Infinity;
      if (this.#shares.isEmpty()) this.#leave();
      return;
    }
    // Nobody to hand over to: write everything and go.
    this.#closingSinceMs = Math.min(this.#closingSinceMs, this.#nowMs);
    if (this.#shares.isStill() || this.#nowMs - this.#closingSinceMs >= limits.drainCloseMs) this.#leave();
  }

  /** Stops for good and tells the store; a supervisor says the same of every process of its that ended. */
  #leave(): void {
    this.#leaving = true;
    this.#leavingSinceMs = this.#nowMs;
    this.#membership.stop(Infinity);
    this.#publishUntil();
    this.#release();
  }

  #release(): void {
    this.#leaseAtMs = Infinity;
    this.#ask('release', [this.#identity.id, this.#identity.incarnation], (reply, nowMs) => {
      if (reply !== undefined || nowMs - this.#leavingSinceMs >= limits.drainCloseMs) return this.#exit(0, 'drained');
      this.#leaseAtMs = nowMs + limits.controlRetryMs;
    });
  }

  #note(level: 'debug' | 'info' | 'warn' | 'error', event: string, fields: Record<string, string | number | boolean>): void {
    this.#effects.push({ do: 'note', level, event, fields });
  }
}
