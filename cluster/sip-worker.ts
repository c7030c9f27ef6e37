/**
 * A worker of a node without its thread: the partitions it holds, the edge where packets come in, and everything between
 * them. Production gives it sockets, the store thread and nact; the simulator gives it its own world. It decides nothing.
 */
import { saveAgain } from './save-again.ts';
import { aorBehaviour } from '../actors/aor/behaviour.ts';
import type { AorDeps } from '../actors/aor/state.ts';
import { callBehaviour } from '../actors/call/behaviour.ts';
import { Edge } from '../actors/edge.ts';
import type { Behaviour, Behaviours } from '../actors/entity.ts';
import { limitBehaviour } from '../actors/limit/behaviour.ts';
import { packEnvelope, unpackEnvelope } from '../actors/envelope.ts';
import type { Envelope } from '../actors/envelope.ts';
import type { ActorHost } from '../actors/host.ts';
import type { WorkerLoad } from '../actors/mailbox.ts';
import type { PartitionPorts } from '../actors/ports.ts';
import { userChangedBody } from '../actors/questions.ts';
import { Answers } from '../actors/answers.ts';
import { hashSeedOf } from '../actors/text-hash.ts';
import { Memories } from '../actors/memories.ts';
import { Wheel } from '../actors/wheel.ts';
import { LentCredits } from '../src/limit/credits.ts';
import { limits } from '../src/limits.ts';
import type { Clock, Flow, Log, Random } from '../src/outside.ts';
import type { Sibling } from '../src/proxy/self.ts';
import type { SipMessage } from '../src/sip/message.ts';
import { isFailure, parse } from '../src/sip/parse.ts';
import { isDatagramFlow, nodeOfFlow } from '../src/transport/datagram-flow.ts';
import { ownerName } from './control-types.ts';
import type { ShareOrder, ShareReport } from './control-types.ts';
import type { Target } from './data-frame.ts';
import { isOwners, packWord, unpackWord } from './buddy/messages.ts';
import { Replicator } from './buddy/replicator.ts';
import type { GateClass } from './buddy/replicator.ts';
import { Takeover } from './buddy/takeover.ts';
import { StoreDirectory } from './directory.ts';
import { DropWords, packDrop } from './giving-back.ts';
import { HostedPartitions } from './hosted.ts';
import { readUint32 } from './octets.ts';
import { tokenOf, undeliveredEnvelope } from './origin.ts';
import type { SnapshotAccess } from './store-access.ts';
import { StoreTrouble } from './store-trouble.ts';
import { holderOf, packTransmit, unpackTransmit } from './transmit.ts';

export interface SipWorkerOptions {
  readonly node: string;
  readonly incarnation: number;
  readonly worker: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly store: SnapshotAccess;
  /** What packets wait for; default: the store. */
  readonly gate?: GateClass;
  readonly host: ActorHost;
  /** What calls and registrations are made of; the directory is this worker's own. */
  readonly deps: Omit<AorDeps, 'directory' | 'random' | 'credits'>;
  /** Looks over the shoulder of the actors: the simulator compares what they do with what their snapshots would do. */
  readonly lens?: (behaviours: Behaviours, deps: AorDeps) => Behaviours;
}

export interface SipWorkerPorts {
  partitionOf(key: string): number;
  /** May this node act now? */
  serving(): boolean;
  /** By the sockets of this worker. With a token, a packet that cannot leave comes back by `undelivered`. */
  send(flow: Flow, bytes: Uint8Array, token: string): void;
  /** To where the partition is, or to a worker of `node`. False when it is not taken. */
  toHub(node: string, target: Target, payload: Uint8Array): boolean;
  /** By a datagram to whoever has the partition; it may be lost. False: there is no such way now. Absent: never. */
  directly?(partition: number, payload: Uint8Array): boolean;
  /** A way of copies to buddies by datagrams, as the copier wants it; absent: none. */
  roomForCopy?(buddy: string): number;
  copyDirectly?(buddy: string, partition: number, payload: Uint8Array): void;
  report(report: ShareReport): void;
  soon(run: () => void): void;
  later(delayMs: number, run: () => void): void;
  count(metric: string): void;
}

export class SipWorker {
  readonly edge: Edge;
  readonly hosted: HostedPartitions;
  readonly #options: SipWorkerOptions;
  readonly #ports: SipWorkerPorts;
  readonly #wheel: Wheel;
  readonly #memories: Memories;
  readonly #answers: Answers;
  readonly #hashSeed: number;
  readonly #load: WorkerLoad = { queuedItems: 0 };
  readonly #directory: StoreDirectory;
  readonly #dropWords = new DropWords();
  readonly replicator: Replicator;
  readonly #takeover: Takeover;
  /** Other nodes that live, and how many workers each has. */
  #siblings: ReadonlyMap<string, number> = new Map();

  constructor(options: SipWorkerOptions, ports: SipWorkerPorts) {
    this.#options = options;
    this.#ports = ports;
    const { clock, log, store, random, node, incarnation, host } = options;
    this.#wheel = new Wheel(clock.clusterMs());
    this.#memories = new Memories(this.#wheel);
    this.#hashSeed = hashSeedOf(random.bytes(4));
    this.#answers = new Answers(this.#wheel, this.#hashSeed);
    this.#directory = new StoreDirectory(store, clock, log, (aor) => {
      this.#deliver(ports.partitionOf(aor), { to: { kind: 'aor', key: aor }, type: 'tell', body: userChangedBody });
    });
    const deps: AorDeps = { ...options.deps, random, directory: this.#directory, credits: new LentCredits() };
    this.edge = new Edge(deps.self, deps.identifiers, {
      partitionOf: ports.partitionOf,
      deliver: (partition, envelope) => this.#deliver(partition, envelope),
      send: (flow, bytes) => this.#transmit(flow, bytes, ''),
      note: (level, event, fields) => log.write(level, event, fields),
      count: ports.count,
    });
    const copies = {
      node,
      store: this.#watchedStore(),
      nowMs: () => clock.monotonicMs(),
      toBuddy: (to: string, partition: number, payload: Uint8Array) => ports.toHub(to, [3, partition], payload),
      later: ports.later,
      soon: ports.soon,
      count: ports.count,
    };
    this.replicator = new Replicator({
      ...copies,
      gate: options.gate ?? 'store',
      roomForCopy: (buddy) => ports.roomForCopy?.(buddy) ?? 0,
      copyDirectly: (buddy, partition, payload) => ports.copyDirectly?.(buddy, partition, payload),
      fenced: (partition) => this.hosted.overtaken(partition),
    });
    this.#takeover = new Takeover(copies);
    const partitionPorts = this.#partitionPorts();
    const behaviours: Behaviours = {
      call: callBehaviour(deps) as Behaviour<unknown>,
      aor: aorBehaviour(deps) as Behaviour<unknown>,
      limit: limitBehaviour() as Behaviour<unknown>,
    };
    this.hosted = new HostedPartitions(
      host,
      { replicator: this.replicator, takeover: this.#takeover },
      ownerName(node, incarnation),
      log,
      { ...ports, nowMs: copies.nowMs, elsewhere: (partition, envelope) => this.#elsewhere(partition, envelope, 1) },
      () => partitionPorts,
      options.lens === undefined ? behaviours : options.lens(behaviours, deps),
    );
  }

  order(order: ShareOrder): void {
    switch (order.type) {
      case 'assign':
        return this.hosted.assign(order.shares);
      case 'freeze':
        return this.hosted.freeze(order.attempt, order.shares);
      case 'thaw':
        return this.hosted.thaw(order.shares);
      case 'save-again':
        for (const { partition } of order.shares) this.replicator.forgotten(partition);
        return saveAgain(order.shares, {
          store: this.#options.store,
          held: (share) => this.hosted.held(share),
          later: (run) => this.#ports.later(limits.storeRetryMs, run),
        });
      case 'drop':
        this.hosted.drop(order.partitions);
        return order.number === 0 ? undefined : this.#onDropWord(order.number);
      case 'buddies':
        return this.replicator.buddies(order.buddy, order.partitions);
    }
  }

  /** The node leaves. While nobody can take its partitions, what is new is answered 503. */
  close(isAlone: boolean): void {
    this.#load.isClosing = isAlone;
  }

  /** The other nodes that live, whenever that changes. */
  know(siblings: readonly Sibling[]): void {
    this.#siblings = new Map(siblings.map((each) => [each.node, each.workers]));
    this.#options.deps.self.know(siblings);
  }

  userChanged(aor: string): void {
    this.#directory.forget(aor);
  }

  /** Every limits.timerTickMs, or when `nextTickMs` says so. Nothing fires while the node may not act. */
  tick(): void {
    this.replicator.tick();
    this.hosted.given.expire(this.#options.clock.monotonicMs());
    if (!this.#ports.serving()) return;
    this.hosted.resume();
    this.#wheel.advance(this.#options.clock.clusterMs());
  }

  /**
   * When the next tick has something to do, by the monotonic clock; infinite: not before something comes in. Ticks before
   * that may be left out. To be asked again after whatever this worker does, and when the clock was corrected.
   */
  nextTickMs(): number {
    const { clock } = this.#options;
    if (this.hosted.waits) return clock.monotonicMs();
    const copiesMs = this.replicator.nextTickMs();
    const dueMs = this.#wheel.nextDueMs();
    if (dueMs === undefined) return copiesMs;
    // Cluster time is whole milliseconds, rounded down.
    return Math.min(copiesMs, clock.monotonicMs() + dueMs - clock.clusterMs() - 1);
  }

  /** From another thread or node. The payload is a view of a buffer that is not ours. */
  onItem(target: Target, payload: Uint8Array): void {
    if (target[0] === 1) return this.#onTransmit(payload);
    if (target[0] === 3) return this.onBuddyWord(target[1], payload);
    if (target[0] === 2) return this.#onDropWord(readUint32(payload, 0));
    if (target[0] !== 0) return;
    const [, partition, hops] = target;
    if (!this.hosted.has(partition)) {
      // The table has changed while it was under way.
      if (hops >= limits.linkHopsMax) return this.#ports.count('dropped-hops');
      if (!this.#ports.toHub('', [0, partition, hops + 1], payload)) this.#ports.count('dropped-hub-busy');
      return;
    }
    const envelope = unpackEnvelope(Buffer.from(payload), parsed);
    if (envelope === undefined) this.#ports.count('dropped-unreadable');
    else if (this.#isLate(envelope)) this.#ports.count('dropped-late');
    else this.hosted.deliver(partition, envelope);
  }

  /** As `onItem`, straight from another worker. Without the partition we are the door by which it came to this node. */
  onDirectItem(partition: number, hops: number, payload: Uint8Array): void {
    if (this.hosted.has(partition)) return this.onItem([0, partition, hops], payload);
    if (!this.#ports.toHub('', [0, partition, hops], payload)) this.#ports.count('dropped-hub-busy');
  }

  /**
   * A datagram that has lain in hubs and links for longer than a network keeps one (T4): the transaction that it repeats may be
   * forgotten (RFC 3261 17.2.1, timer I). Who sent it has repeated it since.
   */
  #isLate({ readMs }: Envelope): boolean {
    return readMs !== undefined && this.#options.clock.clusterMs() - readMs > limits.datagramLateMs;
  }

  undelivered(token: string): void {
    this.#ports.count('undelivered');
    const news = undeliveredEnvelope(token);
    if (news !== undefined) this.#deliver(news.partition, news.envelope);
  }

  /** The order, or its number behind the items that came before it. */
  #onDropWord(number: number): void {
    if (this.#dropWords.come(number)) this.#ports.toHub('', [2], packDrop(number));
  }

  #partitionPorts(): PartitionPorts {
    const { clock, log, random } = this.#options;
    const ports = this.#ports;
    // Not the same for all, or they come back together.
    const retryAfter = (): [string, string][] => [['Retry-After', String(2 + Math.floor(random.fraction() * 8))]];
    return {
      clock,
      wheel: this.#wheel,
      memories: this.#memories,
      answers: this.#answers,
      load: this.#load,
      hashSeed: this.#hashSeed,
      isUngated: this.#options.gate === 'off',
      partitionOf: ports.partitionOf,
      wake: (partition) => this.hosted.wake(partition),
      send: (flow, bytes, origin) => {
        // A process that woke from a pause may hear late acknowledgements: what they release belongs to somebody else now.
        if (!ports.serving()) return ports.count('dropped-not-serving');
        this.#transmit(flow, bytes, origin === undefined ? '' : tokenOf(origin));
      },
      post: (partition, envelope) => this.#deliver(partition, envelope),
      write: (partition, epoch, owner, rows, durable, done) => {
        this.replicator.write(partition, epoch, owner, rows, durable, (error, reply) => {
          done(error === undefined ? (reply === 'ok' ? 'ok' : 'fenced') : 'failed');
        });
      },
      keep: (partition, epoch, owner, late, rowOf) => this.replicator.keep(partition, epoch, owner, late, rowOf),
      overloaded: (envelope) => {
        if (envelope.type === 'sip') this.edge.reject(envelope.message, envelope.flow, 503, retryAfter());
      },
      failed: (envelope) => {
        if (envelope.type === 'sip') this.edge.reject(envelope.message, envelope.flow, 500);
      },
      unsaved: (requests) => {
        // Not by a process that woke from a pause: the next owner may have answered 200.
        if (!ports.serving()) return ports.count('dropped-not-serving');
        for (const { message, flow } of requests) this.edge.reject(message, flow, 503, retryAfter());
      },
      fenced: (partition) => this.hosted.fenced(partition),
      note: (level, event, fields) => log.write(level, event, fields),
      count: ports.count,
    };
  }

  /** The store, with an ear for its troubles. */
  #watchedStore(): SnapshotAccess {
    const { store, log, clock } = this.#options;
    const trouble = new StoreTrouble(log, clock);
    return {
      write: (partition, epoch, owner, rows, durable, done) => {
        store.write(partition, epoch, owner, rows, durable, (...reply) => {
          if (reply[0] !== undefined) trouble.failed(reply[0]);
          else trouble.worked();
          if (reply[0] === undefined && reply[1] !== 'ok') this.#ports.count('store-writes-refused');
          done(...reply);
        });
      },
      loadPieces: (partitions, onRows, done) => store.loadPieces(partitions, onRows, done),
      user: (aor, done) => store.user(aor, done),
    };
  }

  /** From the buddy of a partition. The payload is a view. */
  onBuddyWord(partition: number, payload: Uint8Array): void {
    const word = unpackWord(payload);
    if (word === undefined || isOwners(word)) return;
    if (word.type === 'recall') {
      for (const each of this.hosted.given.recalled(partition, word))
        this.#ports.toHub(word.by, [3, partition], packWord(each));
    } else if (word.type === 'tail') this.#takeover.onWord(partition, word);
    else this.replicator.onWord(partition, word);
  }

  /** To the entity, wherever its partition is. */
  #deliver(partition: number, envelope: Envelope): void {
    if (!this.hosted.deliver(partition, envelope)) this.#elsewhere(partition, envelope, 0);
  }

  /** @param hops 1: it has waited here for a partition that went away. */
  #elsewhere(partition: number, envelope: Envelope, hops: number): void {
    this.#ports.count('forwarded');
    const isFresh = hops === 0 && envelope.type === 'sip' && envelope.flow.protocol === 'udp';
    const payload = packEnvelope(envelope, isFresh ? Math.floor(this.#options.clock.clusterMs()) : envelope.readMs);
    if (hops === 0 && mayBeLost(envelope) && this.#ports.directly?.(partition, payload) === true) return;
    if (!this.#ports.toHub('', [0, partition, hops], payload)) this.#ports.count('dropped-hub-busy');
  }

  #transmit(flow: Flow, bytes: Uint8Array, token: string): void {
    const { node, worker } = this.#options;
    if (isDatagramFlow(flow)) return this.#transmitDatagram(flow, bytes, token);
    const holder = flow.connection === '' ? undefined : holderOf(flow.connection);
    if (holder === undefined || (holder.node === node && holder.worker === worker))
      return this.#ports.send(flow, bytes, token);
    if (!this.#ports.toHub(holder.node, [1, holder.worker], packTransmit({ flow, bytes, token })))
      this.#ports.count('dropped-hub-busy');
  }

  /** From the node that has the address of the flow. When that is gone: from here, which is the best that is left. */
  #transmitDatagram(flow: Flow, bytes: Uint8Array, token: string): void {
    const { node, worker } = this.#options;
    const holder = nodeOfFlow(flow);
    const workers = this.#siblings.get(holder);
    if (holder === node || workers === undefined) {
      if (holder !== node) this.#ports.count('sent-for-gone-node');
      return this.#ports.send(flow, bytes, token);
    }
    // By number: so they share the work.
    if (!this.#ports.toHub(holder, [1, worker % workers], packTransmit({ flow, bytes, token })))
      this.#ports.count('dropped-hub-busy');
  }

  #onTransmit(payload: Uint8Array): void {
    const packet = unpackTransmit(payload);
    if (packet === undefined) this.#ports.count('dropped-unreadable');
    else this.#ports.send(packet.flow, packet.bytes, packet.token);
  }
}

/** Who sent a datagram repeats it, who asks does so until he is answered: RFC 3261 17.1, actors/asks.ts. */
function mayBeLost(envelope: Envelope): boolean {
  if (envelope.type === 'sip') return envelope.flow.protocol === 'udp';
  return envelope.type === 'ask' || envelope.type === 'answer';
}

function parsed(bytes: Buffer, stream: boolean): SipMessage | undefined {
  const message = parse(bytes, stream);
  return isFailure(message) ? undefined : message;
}
