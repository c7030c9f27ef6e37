/**
 * What the cluster asks of a store, and the only words in which it asks. Three ports: coordination (who is alive, who
 * owns what), snapshots (fenced state of partitions) and users. Adapters are synchronous; `cluster/stores/client.ts`
 * offers the same operations with callbacks over a store thread. Every operation is one atomic step of the store: it
 * happens as a whole or not at all, and in one order that all nodes agree on.
 */
import type { Profile } from '../src/limits.ts';

/** What a member tells the others about itself. It travels in the lease and is replaced by each renewal. */
export interface MemberInfo {
  /** Address of the node's link listener, `host:port`. */
  readonly link: string;
  /** Address of the node's HTTP API, `host:port`, for people and their tools. Absent from a node without one. */
  readonly admin?: string;
  /** Host and port that it writes into Via for each of its SIP listeners, in their order. */
  readonly sip?: readonly string[];
  /** See TableMember. */
  readonly zone?: string;
  /** Worker threads, which is the node's weight in the ring. */
  readonly workers: number;
  /** Highest schema number of snapshots and frames that this node writes. */
  readonly schema: number;
  /** The lowest and the highest that it reads; absent: only `schema`. */
  readonly schemaReads?: readonly [min: number, max: number];
  /** Its `cluster.profile`; absent: `default`. */
  readonly profile?: Profile;
  /** The node wants to leave: plan it no partitions. */
  readonly draining: boolean;
}

export interface LeaseReply {
  /**
   * - `ok`: the lease now runs until `nowMs + ttlMs`.
   * - `superseded`: a newer incarnation of this id exists; this one is over.
   * - `dead`: this incarnation was voted out or released; only a new incarnation can come back.
   * - `predecessor-alive`: an older incarnation is not dead yet; wait for its release or the votes.
   */
  readonly result: 'ok' | 'superseded' | 'dead' | 'predecessor-alive';
  /** Epoch of the stored table, 0 when there is none or when the result is not `ok`. */
  readonly tableEpoch: number;
  /** The store's clock when it decided. */
  readonly nowMs: number;
  /**
   * Names the life of the store: another text whenever it may have lost what it had acknowledged (it was emptied, or
   * another server took over). Absent from a store that loses nothing while it can be reached.
   */
  readonly storeLife?: string;
}

/** `noted` includes a lease that has not expired, too few votes, and a store without a table (then nobody dies). */
export type VoteReply = 'too-old' | 'stale-incarnation' | 'noted' | 'dead';

export interface MemberRow {
  readonly id: string;
  readonly incarnation: number;
  /** `dead` by vote or release. An expired lease alone does not make a member dead. */
  readonly status: 'up' | 'draining' | 'dead';
  /** Store clock; 0 when dead. */
  readonly leaseUntilMs: number;
  readonly info: MemberInfo;
}

export interface StoredTable {
  readonly epoch: number;
  readonly nonce: string;
  /** The packed table (cluster/table.ts); the store does not look into it. */
  readonly bytes: Uint8Array;
}

export interface CasReply {
  readonly ok: boolean;
  /** Epoch and nonce that are stored now: the new ones when ok, else those that stood in the way (0 and '' for none). */
  readonly epoch: number;
  readonly nonce: string;
}

/** Truth about one partition. Epoch 0 and owner '' when it was never sealed. */
export interface PartitionOwner {
  readonly epoch: number;
  /** `node.incarnation` */
  readonly owner: string;
}

export interface CoordinationStore {
  /** The store's clock in milliseconds since 1970: the one clock that leases and votes are measured with. */
  nowMs(): number;
  /** Take or renew the lease of one incarnation of a node. Incarnations are positive safe integers that grow. */
  lease(id: string, incarnation: number, ttlMs: number, info: MemberInfo): LeaseReply;
  /**
   * Say that `voter` no longer hears `target`. The target dies in the very call that finds its lease expired and at
   * least half of both voter sets with votes that still count. `issuedAtMs` is the store's clock as the voter knew it:
   * a vote that was under way for longer than the profile's voteIssueWindowMs is refused.
   */
  vote(target: string, targetIncarnation: number, voter: string, issuedAtMs: number): VoteReply;
  /**
   * Death certificate, from the node itself when it leaves or from its supervisor. False when that incarnation is not
   * the registered one; true also when it was dead before.
   */
  release(id: string, incarnation: number): boolean;
  /** All members ever seen, dead ones too, ordered by id. */
  members(): MemberRow[];
  readTable(): StoredTable | undefined;
  /** Replace table and voter sets if epoch and nonce are still the expected ones (0 and '' expect no table). */
  casTable(
    expectEpoch: number,
    expectNonce: string,
    epoch: number,
    nonce: string,
    bytes: Uint8Array,
    currentVoters: readonly string[],
    nextVoters: readonly string[],
  ): CasReply;
  /**
   * Make `owner` the owner of the partitions under this epoch. Per partition: 0 when sealed, else the epoch that
   * refused it, which is equal or higher (so sealing twice answers the epoch itself).
   */
  seal(partitions: readonly number[], epoch: number, owner: string): number[];
  /** In the order asked. */
  owners(partitions: readonly number[]): PartitionOwner[];
}

/** Key (`kind:key`, any string) and packed snapshot; null deletes. A later row of a batch wins over an earlier one. */
export type SnapshotRow = readonly [key: string, value: Uint8Array | null];

export interface WriteBatch {
  readonly partition: number;
  /** Epoch and owner must be exactly those of the last seal, or the whole batch is refused. */
  readonly epoch: number;
  readonly owner: string;
  readonly rows: readonly SnapshotRow[];
}

/** `fencedBy` is the epoch that is sealed now (0: none). It may equal our own when another owner sealed it. */
export type WriteReply = 'ok' | { readonly fencedBy: number };

export interface LoadedRow {
  readonly partition: number;
  readonly key: string;
  readonly value: Uint8Array;
}

/** Where a chunked load goes on: after this key of this partition. */
export interface LoadPosition {
  readonly index: number;
  readonly afterKey: string | undefined;
}

export interface LoadChunk {
  readonly rows: LoadedRow[];
  /** Undefined when everything was read. */
  readonly next: LoadPosition | undefined;
}

/** Of `casTable`. */
export type CasParameters = Parameters<CoordinationStore['casTable']>;

export interface SnapshotStore {
  /** One batch, in a commit of its own that is not forced to disk (see `writeBatch`). */
  write(partition: number, epoch: number, owner: string, rows: readonly SnapshotRow[]): WriteReply;
  /**
   * Group commit: all batches in one transaction, each fenced for itself, one reply each. When it returns, the rows
   * survive the death of every process; with `durable` they survive the loss of power too.
   */
  writeBatch(batches: readonly WriteBatch[], durable: boolean): WriteReply[];
  /** All rows of the partitions, ordered as asked and by key. Seal first: then nobody else writes while we read. */
  load(partitions: readonly number[]): LoadedRow[];
  /** The same in pieces of at most `rowsMax` rows (and about `bytesMax` octets), so that a lease never waits behind it. */
  loadChunk(partitions: readonly number[], from: LoadPosition, rowsMax: number, bytesMax: number): LoadChunk;
}

/** Digest secrets of one user: H(user:realm:password) in lower-case hex, RFC 7616 3.4.2. */
export interface UserRecord {
  /** Canonical address-of-record, `sip:user@host`. */
  readonly aor: string;
  readonly realm: string;
  readonly ha1Md5: string;
  readonly ha1Sha256: string;
}

export interface StoredUser extends UserRecord {
  /** Store clock at the first put; a later put of the same aor keeps it. */
  readonly createdMs: number;
}

export interface UserStore {
  /** Add or replace. Durable when it returns. */
  putUser(user: UserRecord): void;
  /** Many at once in one durable commit. */
  putUsers(users: readonly UserRecord[]): void;
  /** False when there was none. Durable when it returns. */
  removeUser(aor: string): boolean;
  user(aor: string): StoredUser | undefined;
  /** One page (at most limits.storeUsersPageMax), ordered by aor, of those after `afterAor` ('' for the first page). */
  users(afterAor: string, limit: number): StoredUser[];
}

export interface Store extends CoordinationStore, SnapshotStore, UserStore {
  /** Free everything. Any later call throws StoreError `closed`. */
  close(): void;
}

/**
 * - `full`: no space; nothing was written, it may be tried again when there is space.
 * - `busy`: other processes held the store for too long; nothing was written, try again.
 * - `io`: the operating system refused (path, permission, device).
 * - `newer-version`: the store was written by a later Carillon.
 * - `corrupt`: the file is damaged or is not ours.
 * - `unsupported`: this build has no adapter for the URL.
 * - `too-large`: a row or batch is over its limit; nothing was written.
 * - `overloaded`: more rows wait than limits.storeQueueRowsMax; nothing was written.
 * - `unreachable`: the store did not answer in time, the connection broke, or its replicas did not confirm; whether it was
 *   done is unknown.
 * - `closed`: the store or its thread is gone; whether a write under way was done is unknown.
 */
export type StoreErrorCode =
  | 'full'
  | 'busy'
  | 'io'
  | 'newer-version'
  | 'corrupt'
  | 'unsupported'
  | 'too-large'
  | 'overloaded'
  | 'unreachable'
  | 'closed';

/** A store that could not do as asked. The message says what happened, where, and what to do. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  constructor(code: StoreErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
