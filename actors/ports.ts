/** What a partition needs from the world: time, and someone who does what its entities want done. */
import type { Clock, Flow, LogLevel } from '../src/outside.ts';
import type { Kind, SipRequest } from './entity.ts';
import type { Answers } from './answers.ts';
import type { Envelope } from './envelope.ts';
import type { WorkerLoad } from './mailbox.ts';
import type { Memories } from './memories.ts';
import type { Wheel } from './wheel.ts';

/** The sender of a packet, for whom `undelivered` comes back with this token. */
export interface Origin {
  readonly partition: number;
  readonly kind: Kind;
  readonly key: string;
  readonly token: string;
}

/** Key and value of a snapshot row; `null` deletes it. */
export type Row = readonly [key: string, value: Uint8Array | null];

/** An entity whose row will be asked for. */
export interface Late {
  /** Of whoever asks. */
  isLate: boolean;
}

/**
 * What became of a write. 'failed': it may or may not be in the store, and will be repeated. 'fenced': a later owner has
 * the partition. The store must always answer in the end, or packets wait for ever.
 */
export type WriteResult = 'ok' | 'failed' | 'fenced';

export interface PartitionPorts {
  readonly clock: Clock;
  /** Of the worker, shared by all its partitions; its owner calls `advance` with cluster time. */
  readonly wheel: Wheel;
  /** Of the worker too. */
  readonly memories: Memories;
  /** Of the worker. */
  readonly answers: Answers;
  readonly load: WorkerLoad;
  /** A secret of the process (textHash). */
  readonly hashSeed: number;
  /** What an entity lets out waits for no write; its state is written a little later, many changes as one. */
  readonly isUngated?: boolean;
  partitionOf(key: string): number;
  /** The partition has work: `drain` must be called soon. Not repeated until it has been. */
  wake(partition: number): void;
  /** With an origin, a packet that the network refuses comes back as `undelivered`. */
  send(flow: Flow, bytes: Uint8Array, origin?: Origin): void;
  /** To an entity of another partition. May lose it. */
  post(partition: number, envelope: Envelope): void;
  /** One atomic write. Writes of one partition must reach the store in the order of the calls; `done` may come in any. */
  write(
    partition: number,
    epoch: number,
    owner: string,
    rows: readonly Row[],
    durable: boolean,
    done: (result: WriteResult) => void,
  ): void;
  /**
   * Where `isUngated`: the row of this entity will be written, with others, unless a later owner has the partition. It is asked
   * for then, with what came until then. False: it is to be given to `write`.
   */
  keep?(partition: number, epoch: number, owner: string, late: Late, rowOf: (late: Late) => Row | undefined): boolean;
  /** Refused because a mailbox is full: a request is to be answered 503. */
  overloaded(envelope: Envelope): void;
  /** The entity broke over this input, whose effects were undone: a request is to be answered 500. */
  failed(envelope: Envelope): void;
  /** The store did not get what the answers to these requests of one entity would have promised: they are to be answered 503. */
  unsaved(requests: readonly SipRequest[]): void;
  /** A later owner has the partition: this one has stopped and is to be dropped. */
  fenced(partition: number): void;
  note(level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void;
  count(metric: string): void;
}
