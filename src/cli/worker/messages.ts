/** What the main thread of a node and its worker threads say to each other, apart from the items of the hub. */
import type { MessagePort } from 'node:worker_threads';
import type { ShareOrder, ShareReport } from '../../../cluster/control-types.ts';
import type { PeerWorkers } from '../../../cluster/direct/way.ts';
import type { Config } from '../../config/config.ts';
import type { LogLevel } from '../../outside.ts';
import type { Sibling } from '../../proxy/self.ts';
import type { DelayBuckets } from '../delay-buckets.ts';

export interface WorkerData {
  readonly config: Config;
  readonly incarnation: number;
  /** How long the process ran when this thread was started, milliseconds. */
  readonly processAgeMs: number;
  readonly logLevel: LogLevel;
  readonly worker: number;
  /** Memory of the node's clock (src/io/clock.ts). */
  readonly clock: SharedArrayBuffer;
  /** One Float64: the monotonic time until which this node may act (ControlEffect 'serve-until'). */
  readonly serveUntil: SharedArrayBuffer;
  readonly store: MessagePort;
  readonly hub: MessagePort;
  /** Of Shortcuts: one Int32 for each partition. */
  readonly places: SharedArrayBuffer;
}

export type ToWorker =
  | ShareOrder
  | { readonly type: 'user-changed'; readonly aor: string }
  /** The other nodes that live. */
  | { readonly type: 'siblings'; readonly siblings: readonly Sibling[] }
  /** Where the workers of a node take datagrams. */
  | { readonly type: 'direct'; readonly workers: PeerWorkers }
  | { readonly type: 'query'; readonly id: number; readonly query: WorkerQuery }
  /** Open the SIP sockets: from now on packets come in that this node must be able to pass on. */
  | { readonly type: 'listen' }
  /**
   * The node leaves: no new connections from now on. `isAlone`: nobody takes its partitions, so that nothing new may begin.
   */
  | { readonly type: 'leaving'; readonly isAlone: boolean }
  /** Stop listening and end. */
  | { readonly type: 'close' };

export type WorkerQuery =
  | { readonly what: 'load' }
  /** Connections of clients: a number. Counting the calls takes long, and a node that drains asks again and again. */
  | { readonly what: 'clients' }
  | { readonly what: 'counters' }
  /** How its event loop keeps up, what its heap holds. */
  | { readonly what: 'thread' }
  /** How far copies and store are behind. */
  | { readonly what: 'lag' }
  /** Answered by the main thread. */
  | { readonly what: 'links' }
  /** Ordered by key, after `after`, at most `limit`; only `aor` when given. */
  | { readonly what: 'registrations'; readonly after: string; readonly limit: number; readonly aor: string }
  | { readonly what: 'calls'; readonly after: string; readonly limit: number }
  /** With `name` only that one, and who holds its places. */
  | { readonly what: 'limits'; readonly after: string; readonly limit: number; readonly name: string };

export interface WorkerLoadView {
  readonly calls: number;
  readonly registrations: number;
  readonly received: number;
  readonly lateMs: number;
  readonly clients: number;
}

/** One thread of a node. */
export interface ThreadView {
  /** `main`, `worker-0`. */
  readonly thread: string;
  /** Turns of its event loop. */
  readonly turns: DelayBuckets;
  /** Octets of JavaScript objects, and octets that its heap has taken from the system for them. */
  readonly heapUsedBytes: number;
  readonly heapBytes: number;
  /** Octets that its objects hold outside of the heap. */
  readonly externalBytes: number;
  readonly calls: number;
  readonly registrations: number;
}

export type FromWorker =
  /** The thread can take partitions. */
  | { readonly type: 'up' }
  /** All sockets are open. */
  | { readonly type: 'listening' }
  /** A socket could not be had; the thread ends. */
  | {
      readonly type: 'refused';
      readonly code: string;
      readonly message: string;
      readonly address: string;
      readonly port: number;
    }
  | ShareReport
  /** The port at which it takes datagrams of other workers. */
  | { readonly type: 'direct-port'; readonly port: number }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown };
