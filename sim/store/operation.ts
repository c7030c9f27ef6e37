/** One thing asked of the simulated store, and the ways of a process to it. */
import type { Done } from '../../cluster/store-access.ts';
import type {
  LeaseReply,
  SnapshotRow,
  StoredTable,
  StoreError,
  VoteReply,
  WriteBatch,
  WriteReply,
} from '../../cluster/store-ports.ts';
import type { StoreData } from './data.ts';

export interface Operation<T> {
  readonly name: string;
  readonly writes: boolean;
  /** Must be done in the order asked, with the other loads of this process. */
  readonly isLoad: boolean;
  run(data: StoreData): T;
  /** It has been done, whether or not the asker will hear of it. */
  done?(result: T): void;
}

/** The store as one process reaches it: its store thread. `done` is called in the process, never at once. */
export interface StoreWay {
  ask<T>(operation: Operation<T>, done: Done<T>): void;
  write(batch: WriteBatch, durable: boolean, done: Done<WriteReply>): void;
  /** A seal that this process asked for has been done. */
  sealed(partition: number, epoch: number, owner: string): void;
}

/** Told of everything that the store does, by whomever it was asked. */
export interface StoreWatch {
  /** `askedAtMs`: when the process asked for it. */
  leased?(id: string, incarnation: number, reply: LeaseReply, askedAtMs: number): void;
  beforeVote?(target: string, incarnation: number, voter: string): void;
  voted?(target: string, incarnation: number, voter: string, issuedAtMs: number, reply: VoteReply): void;
  released?(id: string, incarnation: number): void;
  tableStored?(table: StoredTable, currentVoters: readonly string[], nextVoters: readonly string[]): void;
  sealed?(partition: number, epoch: number, owner: string): void;
  written?(partition: number, epoch: number, owner: string, rows: readonly SnapshotRow[], reply: WriteReply): void;
  /** Whoever asked for this write was told that it is done, by a store that has lost nothing since (`isDone`), or that it failed. */
  told?(rows: readonly SnapshotRow[], isDone: boolean): void;
  /** Some of what it told is lost: a failover dropped the tail, or somebody wiped it. What is left can be read. */
  lost?(data: StoreData): void;
}

export type Outcome<T> = { readonly result: T } | { readonly error: StoreError };

export function answer<T>(outcome: Outcome<T>, done: Done<T>): void {
  if ('error' in outcome) done(outcome.error, undefined);
  else done(undefined, outcome.result);
}
