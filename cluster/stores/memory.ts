/**
 * The store as plain maps: for tests, the simulator and a one-process cluster that may forget. It is the readable
 * statement of what every adapter must answer; a differential test holds the others to it.
 */
import assert from 'node:assert';
import { Buffer } from 'node:buffer';
import { limits, profiles } from '../../src/limits.ts';
import { checkBatches } from './checks.ts';
import { StoreError } from '../store-ports.ts';
import type {
  CasParameters,
  CasReply,
  LeaseReply,
  LoadChunk,
  LoadPosition,
  LoadedRow,
  MemberInfo,
  MemberRow,
  PartitionOwner,
  SnapshotRow,
  Store,
  StoredTable,
  StoredUser,
  UserRecord,
  VoteReply,
  WriteBatch,
  WriteReply,
} from '../store-ports.ts';

export interface MemoryStoreOptions {
  /** The store's clock, milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly voteTtlMs?: number;
  readonly voteIssueWindowMs?: number;
}

interface Member {
  incarnation: number;
  dead: boolean;
  leaseUntilMs: number;
  info: MemberInfo;
  /** Voter -> until when the vote counts, against this incarnation. */
  votes: Map<string, number>;
}

const never: PartitionOwner = { epoch: 0, owner: '' };

export class MemoryStore implements Store {
  readonly #clock: () => number;
  readonly #voteTtlMs: number;
  readonly #voteIssueWindowMs: number;
  readonly #members = new Map<string, Member>();
  readonly #owners = new Map<number, PartitionOwner>();
  readonly #snapshots = new Map<number, Map<string, Uint8Array>>();
  readonly #users = new Map<string, StoredUser>();
  #table: StoredTable | undefined;
  #currentVoters: ReadonlySet<string> = new Set();
  #nextVoters: ReadonlySet<string> = new Set();
  #closed = false;

  constructor(options: MemoryStoreOptions) {
    this.#clock = options.nowMs;
    this.#voteTtlMs = options.voteTtlMs ?? profiles.default.voteTtlMs;
    this.#voteIssueWindowMs = options.voteIssueWindowMs ?? profiles.default.voteIssueWindowMs;
  }

  nowMs(): number {
    if (this.#closed) throw new StoreError('closed', 'The memory store was closed before this call.');
    return this.#clock();
  }

  lease(id: string, incarnation: number, ttlMs: number, info: MemberInfo): LeaseReply {
    const nowMs = this.nowMs();
    const known = this.#members.get(id);
    if (known !== undefined) {
      if (known.incarnation > incarnation) return { result: 'superseded', tableEpoch: 0, nowMs };
      if (known.incarnation === incarnation && known.dead) return { result: 'dead', tableEpoch: 0, nowMs };
      if (known.incarnation < incarnation && !known.dead) return { result: 'predecessor-alive', tableEpoch: 0, nowMs };
    }
    const votes = known?.incarnation === incarnation ? known.votes : new Map<string, number>();
    this.#members.set(id, { incarnation, dead: false, leaseUntilMs: nowMs + ttlMs, info: { ...info }, votes });
    return { result: 'ok', tableEpoch: this.#table?.epoch ?? 0, nowMs };
  }

  vote(target: string, targetIncarnation: number, voter: string, issuedAtMs: number): VoteReply {
    assert(Number.isSafeInteger(issuedAtMs), 'the store counts whole milliseconds');
    const nowMs = this.nowMs();
    const member = this.#members.get(target);
    if (member === undefined || member.incarnation !== targetIncarnation) return 'stale-incarnation';
    if (member.dead) return 'dead';
    // A vote that was stuck on its way must not land later; a clock far ahead of the store's is not trusted either.
    if (Math.abs(nowMs - issuedAtMs) > this.#voteIssueWindowMs) return 'too-old';
    member.votes.set(voter, issuedAtMs + this.#voteTtlMs);
    if (this.#currentVoters.size === 0) return 'noted'; // No table, as in a wiped store: nobody dies.
    if (member.leaseUntilMs > nowMs) return 'noted';
    for (const voters of [this.#currentVoters, this.#nextVoters]) {
      let count = 0;
      for (const id of voters) if ((member.votes.get(id) ?? 0) > nowMs) count++;
      if (voters.size > 0 && count < Math.ceil(voters.size / 2)) return 'noted';
    }
    bury(member);
    return 'dead';
  }

  release(id: string, incarnation: number): boolean {
    this.nowMs();
    const member = this.#members.get(id);
    if (member === undefined || member.incarnation !== incarnation) return false;
    bury(member);
    return true;
  }

  members(): MemberRow[] {
    this.nowMs();
    return [...this.#members]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([id, { incarnation, dead, leaseUntilMs, info }]) => {
        return { id, incarnation, status: dead ? 'dead' : info.draining ? 'draining' : 'up', leaseUntilMs, info };
      });
  }

  readTable(): StoredTable | undefined {
    this.nowMs();
    return this.#table;
  }

  casTable(...parameters: CasParameters): CasReply {
    const [expectEpoch, expectNonce, epoch, nonce, bytes, currentVoters, nextVoters] = parameters;
    this.nowMs();
    const current = this.#table ?? { epoch: 0, nonce: '' };
    if (current.epoch !== expectEpoch || current.nonce !== expectNonce) {
      return { ok: false, epoch: current.epoch, nonce: current.nonce };
    }
    this.#table = { epoch, nonce, bytes: new Uint8Array(bytes) };
    this.#currentVoters = new Set(currentVoters);
    this.#nextVoters = new Set(nextVoters);
    return { ok: true, epoch, nonce };
  }

  seal(partitions: readonly number[], epoch: number, owner: string): number[] {
    this.nowMs();
    return partitions.map((partition) => {
      const sealed = this.#owners.get(partition) ?? never;
      if (sealed.epoch >= epoch) return sealed.epoch;
      this.#owners.set(partition, { epoch, owner });
      return 0;
    });
  }

  owners(partitions: readonly number[]): PartitionOwner[] {
    this.nowMs();
    return partitions.map((partition) => this.#owners.get(partition) ?? never);
  }

  write(partition: number, epoch: number, owner: string, rows: readonly SnapshotRow[]): WriteReply {
    const [reply] = this.writeBatch([{ partition, epoch, owner, rows }], false);
    return reply ?? 'ok';
  }

  writeBatch(batches: readonly WriteBatch[], _durable: boolean): WriteReply[] {
    this.nowMs();
    checkBatches(batches);
    return batches.map(({ partition, epoch, owner, rows }) => {
      const sealed = this.#owners.get(partition);
      if (sealed === undefined) return { fencedBy: 0 };
      if (sealed.epoch !== epoch || sealed.owner !== owner) return { fencedBy: sealed.epoch };
      let snapshots = this.#snapshots.get(partition);
      if (snapshots === undefined) this.#snapshots.set(partition, (snapshots = new Map()));
      for (const [key, value] of rows) {
        if (value === null) snapshots.delete(key);
        // Small rows share their memory.
        else snapshots.set(key, Buffer.from(value));
      }
      return 'ok';
    });
  }

  load(partitions: readonly number[]): LoadedRow[] {
    this.nowMs();
    return partitions.flatMap((partition) => this.#sorted(partition));
  }

  loadChunk(partitions: readonly number[], from: LoadPosition, rowsMax: number, bytesMax: number): LoadChunk {
    this.nowMs();
    const rows: LoadedRow[] = [];
    let bytes = 0;
    let afterKey = from.afterKey;
    for (let index = from.index; index < partitions.length; index++) {
      for (const row of this.#sorted(partitions[index] ?? 0)) {
        if (afterKey !== undefined && row.key <= afterKey) continue;
        rows.push(row);
        bytes += row.value.length;
        if (rows.length >= rowsMax || bytes >= bytesMax) return { rows, next: { index, afterKey: row.key } };
      }
      afterKey = undefined;
    }
    return { rows, next: undefined };
  }

  putUser(user: UserRecord): void {
    this.putUsers([user]);
  }

  putUsers(users: readonly UserRecord[]): void {
    const nowMs = this.nowMs();
    for (const { aor, realm, ha1Md5, ha1Sha256 } of users) {
      const createdMs = this.#users.get(aor)?.createdMs ?? nowMs;
      this.#users.set(aor, { aor, realm, ha1Md5, ha1Sha256, createdMs });
    }
  }

  removeUser(aor: string): boolean {
    this.nowMs();
    return this.#users.delete(aor);
  }

  user(aor: string): StoredUser | undefined {
    this.nowMs();
    return this.#users.get(aor);
  }

  users(afterAor: string, limit: number): StoredUser[] {
    this.nowMs();
    return [...this.#users.values()]
      .filter((user) => user.aor > afterAor)
      .sort((a, b) => (a.aor < b.aor ? -1 : 1))
      .slice(0, Math.min(limit, limits.storeUsersPageMax));
  }

  close(): void {
    this.#closed = true;
  }

  /** As when another master takes over: votes that it did not collect itself do not count. */
  forgetVotes(): void {
    for (const member of this.#members.values()) member.votes.clear();
  }

  /** The same contents, independent of this one. */
  copy(options: MemoryStoreOptions): MemoryStore {
    const copy = new MemoryStore(options);
    for (const [id, member] of this.#members) copy.#members.set(id, { ...member, votes: new Map(member.votes) });
    for (const [partition, owner] of this.#owners) copy.#owners.set(partition, owner);
    for (const [partition, rows] of this.#snapshots) copy.#snapshots.set(partition, new Map(rows));
    for (const [aor, user] of this.#users) copy.#users.set(aor, user);
    copy.#table = this.#table;
    copy.#currentVoters = this.#currentVoters;
    copy.#nextVoters = this.#nextVoters;
    return copy;
  }

  describe(): string {
    return `memory store: ${this.#members.size} members, table epoch ${this.#table?.epoch ?? 0}, ${this.#owners.size} sealed`;
  }

  #sorted(partition: number): LoadedRow[] {
    const snapshots = this.#snapshots.get(partition);
    if (snapshots === undefined) return [];
    return [...snapshots].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => ({ partition, key, value }));
  }
}

function bury(member: Member): void {
  member.dead = true;
  member.leaseUntilMs = 0;
}
