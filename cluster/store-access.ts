/**
 * The store as nodes and workers use it: the operations of store-ports.ts with a callback each, answered later and exactly
 * once. `stores/client.ts` is it over a thread, the simulator's is one whose answers are late or never sure.
 */
import type {
  CasParameters,
  CasReply,
  LeaseReply,
  LoadedRow,
  MemberInfo,
  MemberRow,
  SnapshotRow,
  StoreError,
  StoredTable,
  StoredUser,
  PartitionOwner,
  VoteReply,
  WriteReply,
} from './store-ports.ts';

/** Called exactly once, never before the call that takes it has returned. */
export type Done<T> = (...reply: [error: StoreError, result: undefined] | [error: undefined, result: T]) => void;
/** The same for operations without a result. */
export type Ended = (error: StoreError | undefined) => void;

/** What the control of a node asks. */
export interface CoordinationAccess {
  lease(id: string, incarnation: number, ttlMs: number, info: MemberInfo, done: Done<LeaseReply>): void;
  vote(target: string, targetIncarnation: number, voter: string, issuedAtMs: number, done: Done<VoteReply>): void;
  release(id: string, incarnation: number, done: Done<boolean>): void;
  members(done: Done<MemberRow[]>): void;
  readTable(done: Done<StoredTable | undefined>): void;
  casTable(...parameters: [...CasParameters, done: Done<CasReply>]): void;
  seal(partitions: readonly number[], epoch: number, owner: string, done: Done<number[]>): void;
  owners(partitions: readonly number[], done: Done<PartitionOwner[]>): void;
}

/** What a worker asks. */
export interface SnapshotAccess {
  /** The rows are copied before this returns. Writes of one caller reach the store in the order of the calls. */
  write(
    partition: number,
    epoch: number,
    owner: string,
    rows: readonly SnapshotRow[],
    durable: boolean,
    done: Done<WriteReply>,
  ): void;
  /** All rows of the partitions, in pieces, ordered as asked and by key. */
  loadPieces(partitions: readonly number[], onRows: (rows: LoadedRow[]) => void, done: Ended): void;
  user(aor: string, done: Done<StoredUser | undefined>): void;
}
