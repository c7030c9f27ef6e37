/** The store in one SQLite file that all processes of a machine share: the default of a cluster on one machine. */
import { profiles } from '../../../src/limits.ts';
import type {
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
} from '../../store-ports.ts';
import { Connection } from './connection.ts';
import type { ConnectionOptions } from './connection.ts';
import { SqliteCoordination } from './coordination.ts';
import { SqliteSnapshots } from './snapshots.ts';
import { SqliteUsers } from './users.ts';

export interface SqliteStoreOptions extends ConnectionOptions {
  /** The machine's wall clock unless a test says otherwise. All processes of one file must use the same. */
  readonly nowMs?: () => number;
  readonly voteTtlMs?: number;
  readonly voteIssueWindowMs?: number;
}

/** Each method is that of the part it belongs to; see there and `store-ports.ts`. */
export class SqliteStore implements Store {
  readonly #connection: Connection;
  readonly #coordination: SqliteCoordination;
  readonly #snapshots: SqliteSnapshots;
  readonly #users: SqliteUsers;

  /** @throws StoreError when the file cannot be used, see Connection */
  constructor(path: string, options: SqliteStoreOptions = {}) {
    const nowMs = options.nowMs ?? Date.now;
    this.#connection = new Connection(path, options);
    this.#coordination = new SqliteCoordination(this.#connection, {
      nowMs,
      voteTtlMs: options.voteTtlMs ?? profiles.default.voteTtlMs,
      voteIssueWindowMs: options.voteIssueWindowMs ?? profiles.default.voteIssueWindowMs,
    });
    this.#snapshots = new SqliteSnapshots(this.#connection);
    this.#users = new SqliteUsers(this.#connection, nowMs);
  }

  nowMs(): number {
    return this.#coordination.nowMs();
  }
  lease(id: string, incarnation: number, ttlMs: number, info: MemberInfo): LeaseReply {
    return this.#coordination.lease(id, incarnation, ttlMs, info);
  }
  vote(target: string, targetIncarnation: number, voter: string, issuedAtMs: number): VoteReply {
    return this.#coordination.vote(target, targetIncarnation, voter, issuedAtMs);
  }
  release(id: string, incarnation: number): boolean {
    return this.#coordination.release(id, incarnation);
  }
  members(): MemberRow[] {
    return this.#coordination.members();
  }
  readTable(): StoredTable | undefined {
    return this.#coordination.readTable();
  }
  casTable(...parameters: Parameters<SqliteCoordination['casTable']>): CasReply {
    return this.#coordination.casTable(...parameters);
  }
  seal(partitions: readonly number[], epoch: number, owner: string): number[] {
    return this.#coordination.seal(partitions, epoch, owner);
  }
  owners(partitions: readonly number[]): PartitionOwner[] {
    return this.#coordination.owners(partitions);
  }
  write(partition: number, epoch: number, owner: string, rows: readonly SnapshotRow[]): WriteReply {
    return this.#snapshots.write(partition, epoch, owner, rows);
  }
  writeBatch(batches: readonly WriteBatch[], durable: boolean): WriteReply[] {
    return this.#snapshots.writeBatch(batches, durable);
  }
  load(partitions: readonly number[]): LoadedRow[] {
    return this.#snapshots.load(partitions);
  }
  loadChunk(partitions: readonly number[], from: LoadPosition, rowsMax: number, bytesMax: number): LoadChunk {
    return this.#snapshots.loadChunk(partitions, from, rowsMax, bytesMax);
  }
  putUser(user: UserRecord): void {
    this.#users.putUser(user);
  }
  putUsers(users: readonly UserRecord[]): void {
    this.#users.putUsers(users);
  }
  removeUser(aor: string): boolean {
    return this.#users.removeUser(aor);
  }
  user(aor: string): StoredUser | undefined {
    return this.#users.user(aor);
  }
  users(afterAor: string, limit: number): StoredUser[] {
    return this.#users.users(afterAor, limit);
  }
  close(): void {
    this.#connection.close();
  }
  describe(): string {
    return `sqlite store ${this.#connection.path}`;
  }
}
