/**
 * What the HTTP API asks of the node behind it: plain questions with plain data as answers, so that the API knows no
 * actor, store or link. Any node answers for the whole cluster. Every method may reject with an `AdminError`; any other
 * error is answered as 500 without its text.
 */
import type { CounterView } from '../limit/view.ts';

export interface AdminPort {
  /** Does this node own its partitions and serve them? */
  ready(): Promise<Readiness>;
  cluster(): Promise<ClusterView>;
  /** Ordered by aor. */
  users(query: PageQuery): Promise<Page<UserView>>;
  /** Add a user or give one a new password. Durable when it resolves. `refused` when the domain is not ours. */
  putUser(user: NewUser): Promise<void>;
  /** False when there was none. */
  removeUser(aor: string): Promise<boolean>;
  /** Ordered by aor; with `aor` only those of that user. */
  registrations(query: RegistrationQuery): Promise<Page<RegistrationView>>;
  /** Ordered by Call-ID. */
  calls(query: PageQuery): Promise<Page<CallView>>;
  /** Counters by name; with `name` only that one, with those who hold its places. */
  limits(query: LimitQuery): Promise<Page<LimitView>>;
  /** Ask a node to hand its partitions over and leave. Resolves once the node was told. `not-found`, `unavailable`. */
  drain(id: string): Promise<void>;
  /** Counters and gauges of this node, for /metrics. */
  counters(): Promise<readonly Counter[]>;
}

export interface Readiness {
  readonly ready: boolean;
  /** One line for people: why not, or what is served (`1366 partitions`). */
  readonly reason: string;
}

export interface PageQuery {
  /** Entries at most, 1 to `pageEntriesMax`. */
  readonly limit: number;
  /** The `next` of the page before; '' for the first page. */
  readonly after: string;
}

export interface RegistrationQuery extends PageQuery {
  readonly aor?: string;
}

export interface Page<T> {
  readonly entries: readonly T[];
  /** Ask on with this as `after`; null on the last page. */
  readonly next: string | null;
}

export interface ClusterView {
  readonly name: string;
  /** The node that answers. */
  readonly node: string;
  /** Epoch of the partition table, 0 while there is none. */
  readonly epoch: number;
  /** False while the coordination store does not answer: nobody joins, leaves or is taken over. */
  readonly storeUp: boolean;
  /** Ordered by id. Dead members too, as long as the store remembers them. */
  readonly nodes: readonly NodeView[];
  /** For each partition the index into `nodes` of its owner, -1 for none. */
  readonly owners: readonly number[];
  /** Partitions that are being handed over now. */
  readonly moving: number;
  /** The schema of snapshots that everybody writes. */
  readonly schema: number;
  /** Each link twice, as each end sees it. Those of nodes that did not answer are missing. */
  readonly links: readonly LinkView[];
  /** By owner and buddy. */
  readonly groups: readonly GroupView[];
}

/** A link between two nodes as `from` sees it. */
export interface LinkView {
  readonly from: string;
  readonly to: string;
  readonly up: boolean;
  /** Milliseconds since 1970; 0 while it is down. */
  readonly sinceMs: number;
  /** Round trip; null when not known. */
  readonly rttMs: number | null;
  readonly waitingBytes: number;
  readonly unacknowledgedBytes: number;
  /** Items since the start of the node. */
  readonly sent: number;
  readonly received: number;
  readonly refused: number;
  readonly shed: number;
  readonly ups: number;
}

/** The partitions of one owner that have one buddy. */
export interface GroupView {
  readonly owner: string;
  /** '' for none: gates wait for the store. */
  readonly buddy: string;
  /** By the table. */
  readonly partitions: number;
  readonly moving: number;
  /** Epochs of the partitions as their owner holds them; 0 when it did not answer. */
  readonly epochMin: number;
  readonly epochMax: number;
  /** Changes that the buddy has not acknowledged. */
  readonly unacknowledged: number;
  /** Snapshots that the store has not got yet. */
  readonly behind: number;
  /** Partitions whose gates the buddy opens. */
  readonly relied: number;
}

export interface NodeView {
  readonly id: string;
  /** Grows with every start of the node: the time of its start, milliseconds since 1970. */
  readonly incarnation: number;
  readonly status: 'up' | 'draining' | 'dead';
  /** Address of its links. */
  readonly link: string;
  /** Address of its HTTP API; '' when not known. */
  readonly admin: string;
  /** Its `node.zone`; '' when it names none. */
  readonly zone: string;
  readonly workers: number;
  /** Partitions it owns by the table. */
  readonly partitions: number;
  /** Null when the node did not say so in time. */
  readonly load: NodeLoad | null;
}

export interface NodeLoad {
  readonly calls: number;
  readonly registrations: number;
  /** SIP messages received since the start of the node. */
  readonly received: number;
  /** Milliseconds its busiest event loop was late, worst of the last second. */
  readonly lateMs: number;
  /** Open TCP connections that clients have made to it. */
  readonly clients: number;
}

export interface UserView {
  readonly aor: string;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
}

export interface NewUser {
  /** `sip:user@domain` */
  readonly aor: string;
  readonly password: string;
}

/** One contact of one address-of-record. */
export interface RegistrationView {
  readonly aor: string;
  readonly contact: string;
  /** Where requests go: `udp:192.0.2.1:5060`. */
  readonly flow: string;
  /** Milliseconds since 1970, cluster clock. */
  readonly expiresAtMs: number;
  /** 0 to 1. */
  readonly q: number;
  readonly userAgent: string;
  /** Owner of the registration now. */
  readonly node: string;
}

export interface CallView {
  readonly callId: string;
  readonly from: string;
  readonly to: string;
  /** `calling`, `ringing`, `confirmed`, `ending`: the word of the call's own state. */
  readonly state: string;
  /** Milliseconds since 1970, cluster clock. */
  readonly startedAtMs: number;
  readonly node: string;
}

export interface LimitQuery extends PageQuery {
  readonly name?: string;
}

/** What is counted under a name. Without holders in a listing of all. */
export interface LimitView extends CounterView {
  /** Owner of the counter now. */
  readonly node: string;
}

/** One sample. Names as Prometheus wants them, with the unit: `carillon_sip_messages_received_total`. */
export interface Counter {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** What HELP and TYPE are said of, where that is not the name: buckets, sum and count of one histogram. */
  readonly family?: string;
  /** Values must come from a closed set, never from a message. */
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export const pageEntriesMax = 1_000;

/** An error whose message may be shown to the one who asked. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
  readonly code: 'refused' | 'not-found' | 'unavailable';
  constructor(code: 'refused' | 'not-found' | 'unavailable', message: string) {
    super(message);
    this.code = code;
  }
}
