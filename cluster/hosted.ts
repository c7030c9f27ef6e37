/**
 * The partitions that this worker holds: loading, serving, frozen. One actor of the host runs them; what is told a partition
 * within one turn of the event loop is handled as one batch. While the node may not act, nothing is handled, no timer
 * fires and no packet leaves; what came in waits.
 */
import type { Behaviours } from '../actors/entity.ts';
import type { Envelope } from '../actors/envelope.ts';
import type { ActorHost, ActorRef } from '../actors/host.ts';
import { Partition } from '../actors/partition.ts';
import type { PartitionPorts } from '../actors/ports.ts';
import type { Share, ShareReport } from './control-types.ts';
import { GivenAway } from './buddy/given.ts';
import type { Replicator } from './buddy/replicator.ts';
import type { Left, Takeover } from './buddy/takeover.ts';
import { limits } from '../src/limits.ts';
import type { Log } from '../src/outside.ts';

interface Hosted {
  readonly epoch: number;
  /** Undefined while its rows are being loaded. */
  partition: Partition | undefined;
  /** What came before it could be handled, or after it was fenced, in order. */
  readonly held: Envelope[];
  /** The attempt that wants it frozen; 0: none. */
  freezing: number;
}

export interface HostedPorts {
  /** May this node act now? */
  serving(): boolean;
  /** Monotonic. */
  nowMs(): number;
  /** Items of a partition that is not here (any more). */
  elsewhere(partition: number, envelope: Envelope): void;
  report(report: ShareReport): void;
  /** Runs it at the end of this turn of the loop. */
  soon(run: () => void): void;
  later(delayMs: number, run: () => void): void;
  count(metric: string): void;
}

export class HostedPartitions {
  readonly #all = new Map<number, Hosted>();
  /** Those of them that are loaded, by their number: for each packet. */
  readonly #loaded = new Array<Partition | undefined>(limits.partitions).fill(undefined);
  /** Runs those that have work. */
  readonly #actor: ActorRef<number>;
  readonly #waiting = new Set<number>();
  readonly given: GivenAway;
  readonly #replicator: Replicator;
  readonly #takeover: Takeover;
  readonly #owner: string;
  readonly #log: Log;
  readonly #ports: HostedPorts;
  readonly #makePorts: () => PartitionPorts;
  readonly #behaviours: Behaviours;

  constructor(
    host: ActorHost,
    copies: { readonly replicator: Replicator; readonly takeover: Takeover },
    owner: string,
    log: Log,
    ports: HostedPorts,
    makePorts: () => PartitionPorts,
    behaviours: Behaviours,
  ) {
    this.#actor = host.spawn<number>('partitions', (numbers) => this.#drainAll(numbers), {
      mailboxMax: drainsWaitingMax,
    });
    this.#replicator = copies.replicator;
    this.#takeover = copies.takeover;
    this.#owner = owner;
    this.given = new GivenAway(owner);
    this.#log = log;
    this.#ports = ports;
    this.#makePorts = makePorts;
    this.#behaviours = behaviours;
  }

  has(partition: number): boolean {
    return this.#all.has(partition);
  }

  /** The partitions whose inputs are handled here: loaded, and neither frozen nor being frozen. */
  handled(): number[] {
    const handled: number[] = [];
    for (const [partition, hosted] of this.#all)
      if (hosted.partition !== undefined && hosted.freezing === 0) handled.push(partition);
    return handled;
  }

  /** The running or frozen partition of this share. */
  held({ partition, epoch }: Share): Partition | undefined {
    const hosted = this.#all.get(partition);
    return hosted?.epoch === epoch ? hosted.partition : undefined;
  }

  /** True when the partition is here, whether or not it could take the item. */
  deliver(partition: number, envelope: Envelope): boolean {
    const loaded = this.#loaded[partition];
    if (loaded !== undefined && !loaded.isClosed) {
      loaded.deliver(envelope);
      return true;
    }
    const hosted = this.#all.get(partition);
    if (hosted === undefined) return false;
    // Of a fenced one the next owner gets it, when control says who that is and drops this one.
    if (hosted.held.length < limits.holdItemsPerPartitionMax) hosted.held.push(envelope);
    else this.#ports.count('shed-loading');
    return true;
  }

  /** Loads the rows and serves. What is here of an older epoch is thrown away; what waited for it is kept. */
  assign(shares: readonly Share[]): void {
    for (const { partition, epoch } of shares) {
      const before = this.#all.get(partition);
      const held = before === undefined ? [] : takeAll(before);
      before?.partition?.close();
      this.#replicator.end(partition);
      this.#takeover.forget(partition);
      this.given.forget(partition);
      this.#all.set(partition, { epoch, partition: undefined, held, freezing: 0 });
      this.#loaded[partition] = undefined;
    }
    this.#load(shares);
  }

  #load(shares: readonly Share[]): void {
    let served: Share[] = [];
    const report = (): void => {
      this.#ports.report({ type: 'serving', shares: served });
      served = [];
    };
    this.#takeover.load(
      shares,
      (left) => {
        if (!this.#isLoading(left.share)) return;
        this.#start(left);
        if (served.push(left.share) === 1) this.#ports.soon(report);
      },
      (error) => {
        this.#log.write('error', 'partition-load', { code: error.code, message: error.message });
        this.#ports.later(limits.storeRetryMs, () => this.#load(shares.filter((share) => this.#isLoading(share))));
      },
    );
  }

  /** Still the one we began to load: another assignment or a drop may have come between. */
  #isLoading({ partition, epoch }: Share): boolean {
    const hosted = this.#all.get(partition);
    return hosted !== undefined && hosted.epoch === epoch && hosted.partition === undefined;
  }

  #start(left: Left): void {
    const { partition: number, epoch } = left.share;
    const hosted = this.#all.get(number);
    if (hosted === undefined) return;
    const partition = new Partition(number, epoch, this.#owner, this.#makePorts(), this.#behaviours);
    this.#replicator.begin(number, epoch, this.#owner, left.unstored, left.marker?.buddy !== undefined);
    if (left.unstored.length > 0) this.#replicator.flush(number, () => this.#takeover.stored(left));
    partition.load(left.rows);
    hosted.partition = partition;
    this.#loaded[number] = partition;
    for (const envelope of hosted.held.splice(0)) partition.deliver(envelope);
    // Reported as frozen while it was loaded: it must not begin now.
    if (hosted.freezing !== 0) partition.freeze(() => {});
  }

  /** Stops, writes everything, and reports each partition when the store has it: several in one message. */
  freeze(attempt: number, shares: readonly Share[]): void {
    let frozen: Share[] = [];
    const report = (): void => {
      this.#ports.report({ type: 'frozen', attempt, shares: frozen });
      frozen = [];
    };
    for (const share of shares) {
      const hosted = this.#all.get(share.partition);
      if (hosted === undefined || hosted.epoch !== share.epoch) continue;
      hosted.freezing = attempt;
      this.#freezeOne(share, attempt, () => {
        const { partition, epoch } = share;
        const rows = hosted.partition?.storedCount;
        if (frozen.push(rows === undefined ? share : { partition, epoch, rows }) === 1) this.#ports.soon(report);
      });
    }
  }

  #freezeOne(share: Share, attempt: number, done: () => void): void {
    const hosted = this.#all.get(share.partition);
    if (hosted === undefined || hosted.epoch !== share.epoch || hosted.freezing !== attempt) return;
    // Still loading: nothing has changed since the store gave it to us.
    if (hosted.partition === undefined) return done();
    hosted.partition.freeze((result) => {
      // A buddy's word opens gates; the next owner reads the store.
      if (result === 'ok') this.#replicator.leave(share.partition, done);
      // The store has a bad moment; nothing is lost, it is only not handed over yet. (Fenced: reported by the write.)
      else if (result === 'failed') this.#ports.later(limits.storeRetryMs, () => this.#freezeOne(share, attempt, done));
    });
  }

  /** The freeze is off: goes on as before. */
  thaw(shares: readonly Share[]): void {
    for (const share of shares) {
      const hosted = this.#all.get(share.partition);
      if (hosted === undefined || hosted.epoch !== share.epoch || hosted.freezing === 0) continue;
      this.#replicator.stay(share.partition);
      hosted.freezing = 0;
      hosted.partition?.resume();
    }
  }

  /** Forgets the partitions; what waited for them goes on to where they are now. */
  drop(partitions: readonly number[]): void {
    for (const number of partitions) {
      const hosted = this.#all.get(number);
      if (hosted === undefined) continue;
      this.#all.delete(number);
      this.#loaded[number] = undefined;
      const held = takeAll(hosted);
      this.#keep(number, hosted);
      hosted.partition?.close();
      this.#replicator.end(number);
      this.#takeover.forget(number);
      for (const envelope of held) this.#ports.elsewhere(number, envelope);
    }
  }

  /** Should the store lose it before its next owner has it. */
  #keep(number: number, { partition, epoch, freezing }: Hosted): void {
    const rows = freezing === 0 ? [] : (partition?.left() ?? []);
    this.given.keep(number, epoch, rows, this.#ports.nowMs());
  }

  /** A write that no gate waits for was refused: a later owner has it. */
  overtaken(number: number): void {
    this.#all.get(number)?.partition?.writeEnded('fenced');
  }

  /** A store write was refused: a later owner has it. */
  fenced(number: number): void {
    const hosted = this.#all.get(number);
    if (hosted !== undefined)
      this.#ports.report({ type: 'fenced', shares: [{ partition: number, epoch: hosted.epoch }] });
  }

  /** A partition has work. It gets a turn of its own, so that sockets and timers are heard in between. */
  wake(number: number): void {
    if (!this.#ports.serving()) {
      this.#waiting.add(number);
      return;
    }
    this.#actor.tell(number);
  }

  /** Something waits until the node may act. */
  get waits(): boolean {
    return this.#waiting.size > 0;
  }

  /** The node may act again: whatever waited gets its turn. */
  resume(): void {
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const number of waiting) this.#actor.tell(number);
  }

  partitions(): Iterable<Partition> {
    return [...this.#all.values()].flatMap((hosted) => (hosted.partition === undefined ? [] : [hosted.partition]));
  }

  /** @throws what the first of them has thrown, when all had their turn. */
  #drainAll(numbers: readonly number[]): void {
    let failure: { readonly error: unknown } | undefined;
    for (const number of numbers) {
      try {
        this.#drain(number);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
  }

  #drain(number: number): void {
    if (!this.#ports.serving()) {
      this.#waiting.add(number);
      return;
    }
    if (this.#loaded[number]?.drain() === true) this.#actor.tell(number);
  }
}

/** A partition asks for its turn once and again only after it had it, or when it was thawed. */
const drainsWaitingMax = limits.partitions * 4;

function takeAll(hosted: Hosted): Envelope[] {
  const held = hosted.held.splice(0);
  if (hosted.partition === undefined) return held;
  // Frozen or not: what it has not handled yet is handled by the next owner.
  return [...hosted.partition.takeHeld(), ...held];
}
