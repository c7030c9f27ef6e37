/**
 * A store as the store thread serves it: the operations of store-ports.ts with answers that may come later. Stores that
 * answer at once (memory, SQLite) are served by `servedAtOnce`; a store behind a network implements this itself.
 */
import { limits } from '../../src/limits.ts';
import type { Done } from '../store-access.ts';
import { StoreError } from '../store-ports.ts';
import type { LoadPosition, LoadedRow, Store, WriteBatch, WriteReply } from '../store-ports.ts';
import type { ControlOperation } from './protocol.ts';

/** Every `done` is called exactly once, perhaps before the call that takes it has returned. */
export interface ServedStore {
  /** One operation by its name. Several may be under way; they are independent of each other. */
  call(operation: ControlOperation, parameters: readonly unknown[], done: Done<unknown>): void;
  /** Group commit (SnapshotStore.writeBatch), one outcome per batch. The next is asked when this one has ended. */
  commit(batches: readonly WriteBatch[], durable: boolean, done: (outcomes: readonly WriteOutcome[]) => void): void;
  load(partitions: readonly number[]): Loading;
  /** Free everything. Nothing is under way then. */
  close(done: () => void): void;
}

export type WriteOutcome = WriteReply | StoreError;

/** A load in pieces, ordered as asked and by key. */
export interface Loading {
  /** At most limits.storeLoadChunkRows rows; the next is asked when this one has ended. */
  next(done: Done<LoadedPiece>): void;
}

export interface LoadedPiece {
  readonly rows: readonly LoadedRow[];
  readonly last: boolean;
}

export function servedAtOnce(store: Store): ServedStore {
  return {
    call(operation, parameters, done) {
      const method = store[operation] as (this: Store, ...parameters: readonly unknown[]) => unknown;
      attempt(operation, () => method.apply(store, [...parameters]), done);
    },
    commit(batches, durable, done) {
      attempt(
        'writeBatch',
        () => store.writeBatch(batches, durable),
        (error, replies) => done(error === undefined ? replies : batches.map(() => error)),
      );
    },
    load(partitions) {
      let position: LoadPosition = { index: 0, afterKey: undefined };
      return {
        next: (done) => {
          const read = (): LoadedPiece => {
            const { storeLoadChunkRows, storeLoadChunkBytes } = limits;
            const { rows, next } = store.loadChunk(partitions, position, storeLoadChunkRows, storeLoadChunkBytes);
            if (next !== undefined) position = next;
            return { rows, last: next === undefined };
          };
          attempt('load', read, done);
        },
      };
    },
    close(done) {
      store.close();
      done();
    },
  };
}

/** Any error as one for the client: what nobody foresaw keeps its stack. */
export function asStoreError(error: unknown, operation: string): StoreError {
  if (error instanceof StoreError) return error;
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new StoreError('io', `The store failed in ${operation} in a way it should not: ${detail}`);
}

function attempt<T>(operation: string, work: () => T, done: Done<T>): void {
  let result: T;
  try {
    result = work();
  } catch (error) {
    return done(asStoreError(error, operation), undefined);
  }
  done(undefined, result);
}
