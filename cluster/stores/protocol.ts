/** What a StoreClient and a store thread say to each other over a MessagePort. */
import type { Store, StoreErrorCode } from '../store-ports.ts';

/** Operations that are called by name. They are few and small, and overtake writes and loads that wait. */
export type ControlOperation =
  | 'nowMs'
  | 'lease'
  | 'vote'
  | 'release'
  | 'members'
  | 'readTable'
  | 'casTable'
  | 'seal'
  | 'owners'
  | 'putUser'
  | 'putUsers'
  | 'removeUser'
  | 'user'
  | 'users';

export type ControlParameters<O extends ControlOperation> = Parameters<Store[O]>;
export type ControlResult<O extends ControlOperation> = ReturnType<Store[O]>;

export type Request =
  | {
      readonly kind: 'control';
      readonly id: number;
      readonly operation: ControlOperation;
      readonly parameters: readonly unknown[];
    }
  /** Everything written in one turn of the caller's loop (packed.ts). */
  | { readonly kind: 'write'; readonly packed: Uint8Array | string }
  | { readonly kind: 'load'; readonly id: number; readonly partitions: readonly number[] };

/** StoreError as plain data: a class does not survive the way between threads. */
export interface Failure {
  readonly code: StoreErrorCode;
  readonly message: string;
}

export type Response =
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: Failure }
  /** One per port and commit: pairs of id and `acknowledged` or the epoch that fenced the batch. */
  | { readonly kind: 'acks'; readonly pairs: readonly number[]; readonly failure: Failure | undefined }
  | { readonly kind: 'rows'; readonly id: number; readonly packed: Uint8Array; readonly last: boolean };

export const acknowledged = -1;
