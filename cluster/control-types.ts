/**
 * The words between the brain of a node (cluster/control.ts) and the shell around it: inputs that the shell feeds in,
 * effects that it performs in the order given. The protocol itself is told in docs/cluster-control.md.
 */
import type { Profile } from '../src/limits.ts';
import type { Preferences } from './ring.ts';
import type { CoordinationStore, LeaseReply, MemberInfo } from './store-ports.ts';
import type { Table, TableMember } from './table.ts';

/** One partition as one worker is to hold it. The epoch is what its store writes carry, with owner `ownerName(...)`. */
export interface Share {
  readonly partition: number;
  readonly epoch: number;
  /** How many rows the store has of it, as who gave it away said when everything was written; absent: unknown. */
  readonly rows?: number;
  /** `ownerName` of who gave it away and has these rows for a while yet. */
  readonly keeper?: string;
}

/** What control asks of the store. Every asked operation must be answered once, with its id, by result or error. */
export type StoreOperation = 'lease' | 'vote' | 'release' | 'members' | 'readTable' | 'casTable' | 'seal' | 'owners';

export type StoreEffect = {
  readonly [O in StoreOperation]: {
    readonly do: 'store';
    readonly id: number;
    readonly op: O;
    readonly args: Readonly<Parameters<CoordinationStore[O]>>;
  };
}[StoreOperation];

/** Every result that an operation of the store may have; control knows by the id which one it asked. */
export type StoreResult = ReturnType<CoordinationStore[StoreOperation]>;

/**
 * What nodes say to each other over the authenticated link (wire target `control`). Plain objects for MessagePack;
 * `readPeerFrame` (cluster/peer-frames.ts) checks what arrives. Links are between incarnations.
 */
export type PeerFrame =
  | HeartbeatFrame
  /** Echo of a heartbeat. `votedAgoMs`: since the last vote against the asker. Only confirming nodes send it. */
  | { readonly type: 'heartbeat-ack'; readonly sentAtMs: number; readonly votedAgoMs: number }
  /** The packed table of the sender, because it is new or the receiver's is older. */
  | { readonly type: 'table'; readonly bytes: Uint8Array }
  /**
   * These partitions were sealed to the receiver (epochs beside them): load them and serve. `rows`: how many the store has of
   * each, 0 also for unknown.
   */
  | {
      readonly type: 'handed';
      readonly partitions: readonly number[];
      readonly epochs: readonly number[];
      readonly rows?: readonly number[];
    }
  | LeaseFrame
  /** What the store answered to it. */
  | { readonly type: 'lease-reply'; readonly operation: number; readonly reply: LeaseReply };

/** I am here; my table is this one; I have links to these. `sentAtMs` is the sender's own monotonic clock. */
export interface HeartbeatFrame {
  readonly type: 'heartbeat';
  readonly sentAtMs: number;
  readonly epoch: number;
  readonly nonce: string;
  readonly links: readonly string[];
}

/** News of the worker threads. */
export type WorkerInput = Extract<ControlInput, { readonly type: `worker-${string}` }>;

/** Renew my lease for me: I do not reach the store. `operation` comes back with the answer. */
export interface LeaseFrame {
  readonly type: 'lease';
  readonly operation: number;
  readonly draining: boolean;
}

export type ControlInput =
  /** At least every limits.controlTickMs. The first tick starts the node. */
  | { readonly type: 'tick' }
  /** Answer to a store effect. `error` is any text; an operation that failed may still have happened. */
  | { readonly type: 'store-reply'; readonly id: number; readonly result: StoreResult }
  | { readonly type: 'store-error'; readonly id: number; readonly error: string }
  /** The handshake of a link to this incarnation of a node is done / the link is gone. */
  | { readonly type: 'peer-up'; readonly peer: string; readonly incarnation: number }
  | { readonly type: 'peer-down'; readonly peer: string; readonly incarnation: number }
  | { readonly type: 'peer-frame'; readonly peer: string; readonly incarnation: number; readonly frame: PeerFrame }
  /**
   * A worker can take partitions / is gone for good (its thread ended: the shell terminates a stuck one first). A new
   * thread takes the number only after `worker-down` was fed in.
   */
  | { readonly type: 'worker-up'; readonly worker: number }
  | { readonly type: 'worker-down'; readonly worker: number }
  /** Answer to `assign`: rows are loaded, the partitions run. */
  | { readonly type: 'worker-serving'; readonly worker: number; readonly shares: readonly Share[] }
  /** Answer to `freeze`: stopped, gate flushed, full snapshots of all entities acknowledged by the store. */
  | {
      readonly type: 'worker-frozen';
      readonly worker: number;
      readonly attempt: number;
      readonly shares: readonly Share[];
    }
  /** A store write of this share was refused because a higher epoch or another owner is sealed. */
  | { readonly type: 'worker-fenced'; readonly worker: number; readonly shares: readonly Share[] }
  /**
   * Leave: move every partition away, then exit 0. Who gave everything to others stays up to `holdMs` for the connections of
   * its clients; default: not at all.
   */
  | { readonly type: 'drain'; readonly holdMs?: number }
  /**
   * How many there are of them, and how many rows of others are in the memory of this node and perhaps nowhere else; to be
   * said again and again after `drain`.
   */
  | { readonly type: 'held'; readonly connections?: number; readonly copies?: number };

export type ControlEffect =
  | StoreEffect
  /**
   * The node may act until this moment of the monotonic clock (0: not now; Infinity: alone). The shell puts the number
   * where every worker reads it (shared memory); a worker compares it with the clock before it handles a batch, so a
   * process that wakes from a pause stops before it does anything. Performed before all later effects.
   */
  | { readonly do: 'serve-until'; readonly untilMs: number }
  /** Cluster time = monotonic clock + offset; half a round trip of error at most. */
  | { readonly do: 'cluster-clock'; readonly offsetMs: number }
  /** Adopted: route by it from now on. */
  | { readonly do: 'table'; readonly table: Table }
  /** See that there is a link to this node. Repeated while there is none; ignore it when one is up or being made. */
  | { readonly do: 'connect'; readonly peer: string; readonly incarnation: number; readonly address: string }
  /** Close links to it and stop dialling: that incarnation is dead or gone. */
  | { readonly do: 'disconnect'; readonly peer: string; readonly incarnation: number }
  /** Send on the link to this incarnation; drop it when there is none. */
  | { readonly do: 'send'; readonly peer: string; readonly incarnation: number; readonly frame: PeerFrame }
  /**
   * Load the rows of these partitions and serve them under these epochs. A partition that the worker has already, frozen or
   * running under an older epoch, is thrown away and loaded afresh; queued items stay in order. Items that arrive for
   * a partition before it serves are held.
   */
  | { readonly do: 'assign'; readonly worker: number; readonly shares: readonly Share[] }
  /**
   * Stop taking items (they are kept in order), flush the gate, write full snapshots, answer `worker-frozen` with the
   * same attempt, in several parts if that is sooner. A share that the worker does not hold under this epoch is skipped.
   */
  | { readonly do: 'freeze'; readonly worker: number; readonly attempt: number; readonly shares: readonly Share[] }
  /** Go on as before the freeze, under the same epoch; an unfinished freeze of these is off. */
  | { readonly do: 'thaw'; readonly worker: number; readonly shares: readonly Share[] }
  /**
   * Forget the partitions, frozen or not, without writing. Items held go, in order, to `to`: a worker of this node, or
   * the node that now owns them, or are routed anew by the table when `to` is undefined.
   */
  | { readonly do: 'drop'; readonly worker: number; readonly partitions: readonly number[]; readonly to: DropTarget }
  /** The store has lost some of what it had: write all of these anew. */
  | { readonly do: 'save-again'; readonly worker: number; readonly shares: readonly Share[] }
  /** For log and metrics. */
  | {
      readonly do: 'note';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly event: string;
      readonly fields: Readonly<Record<string, string | number | boolean>>;
    }
  /**
   * End of this process. 0 after a drain; 70 when this incarnation is over: the supervisor starts a new one; 78 when its
   * configuration does not fit the cluster: `reason` says why.
   */
  | { readonly do: 'exit'; readonly code: ExitCode; readonly reason: string };

export type ExitCode = 0 | 70 | 78;

/** What a worker is told about its partitions: the effects of the same names. */
export type ShareOrder =
  | { readonly type: 'assign'; readonly shares: readonly Share[] }
  | { readonly type: 'freeze'; readonly attempt: number; readonly shares: readonly Share[] }
  | { readonly type: 'thaw'; readonly shares: readonly Share[] }
  | { readonly type: 'save-again'; readonly shares: readonly Share[] }
  /** The number comes again among the items (giving-back.ts); 0: it does not. */
  | { readonly type: 'drop'; readonly partitions: readonly number[]; readonly number: number }
  /** Who keeps the second copy of these from now on, by `ownerName`; '' while nobody can. Not of the control's. */
  | { readonly type: 'buddies'; readonly buddy: string; readonly partitions: readonly number[] };

/** What a worker answers: the control inputs of the same names. */
export type ShareReport =
  | { readonly type: 'serving' | 'fenced'; readonly shares: readonly Share[] }
  | { readonly type: 'frozen'; readonly attempt: number; readonly shares: readonly Share[] };

export type DropTarget = { readonly node: string } | { readonly worker: number } | undefined;

/** How this process is known. */
export interface ControlIdentity {
  readonly id: string;
  /** Grows with every start of this id, for example wall-clock milliseconds at start. */
  readonly incarnation: number;
  /** Address of our link listener as others dial it. */
  readonly link: string;
  /**
   * We hold the listening socket of `link`, so an earlier process of this id that announced the same address has
   * ended: control releases it instead of waiting for its lease and the votes.
   */
  readonly linkHeld: boolean;
  /** See MemberInfo. */
  readonly admin?: string;
  readonly sip?: readonly string[];
  readonly zone?: string;
  /** Worker threads configured: the weight of the node. */
  readonly workers: number;
  readonly schema: number;
  readonly schemaReads?: readonly [min: number, max: number];
  /** Times of leases, heartbeats and votes: those of its whole cluster; absent: `default`. */
  readonly profile?: Profile;
}

/** What an identity tells the others with each lease. */
export function infoOf(identity: ControlIdentity, draining: boolean): MemberInfo {
  const { link, admin, sip, zone, workers, schema, schemaReads, profile } = identity;
  const optional = {
    ...(admin && { admin }),
    ...(sip && { sip }),
    ...(zone && { zone }),
    ...(schemaReads && { schemaReads }),
    ...(profile && { profile }),
  };
  return { link, ...optional, workers, schema, draining };
}

/** As it stands in a table. */
export function memberOf(
  { id, incarnation }: { readonly id: string; readonly incarnation: number },
  { link, workers, zone = '', schema, schemaReads: [min, max] = [schema, schema] }: Omit<MemberInfo, 'draining'>,
  draining: boolean,
): TableMember {
  return { id, incarnation, link, workers, draining, zone, schema: { reads: { min, max }, writes: schema } };
}

/** The owner string of seals and fenced writes. */
export function ownerName(id: string, incarnation: number): string {
  let names = ownerNames.get(id);
  if (names === undefined) {
    if (ownerNames.size >= ownerNamesMax) ownerNames.clear();
    ownerNames.set(id, (names = new Map()));
  }
  let name = names.get(incarnation);
  if (name === undefined) {
    if (names.size >= ownerNamesMax) names.clear();
    names.set(incarnation, (name = `${id}.${incarnation}`));
  }
  return name;
}

/** The id in an {@link ownerName}. */
export function nodeOf(owner: string): string {
  return owner.slice(0, owner.lastIndexOf('.'));
}

/** Made once: they are keys that are looked up at every tick for every peer, and a string made anew is hashed anew. */
const ownerNames = new Map<string, Map<number, string>>();
const ownerNamesMax = 256;

export interface ControlOptions {
  readonly identity: ControlIdentity;
  /** Partitions of the cluster; fewer than limits.partitions in tests only. */
  readonly partitions?: number;
  /** Shared between controls of one process (tests, simulator), so that each ring is computed once. */
  readonly preferences?: Preferences;
}
