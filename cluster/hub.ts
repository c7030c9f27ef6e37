/**
 * Routes items between the worker threads of this node and the other nodes: an item for a partition goes to the worker
 * that holds it, or to the node that owns it by the table. What cannot go anywhere just now waits, bounded, until a
 * table, a link or a worker comes.
 */
import { isRecall } from './buddy/messages.ts';
import { BuddyRouter } from './buddy/router.ts';
import type { Shortcuts } from './direct/shortcuts.ts';
import { HolderQueue } from './holder-queue.ts';
import { memberIndex, nobody } from './table.ts';
import type { DropTarget } from './control-types.ts';
import type { Target } from './data-frame.ts';
import { GivingBack } from './giving-back.ts';
import { copyOf, readUint32 } from './octets.ts';
import type { Table } from './table.ts';
import { isRelayed, packRelayed, unpackRelayed } from './relay.ts';
import { limits } from '../src/limits.ts';

export interface HubPorts {
  readonly node: string;
  readonly incarnation: number;
  nowMs(): number;
  toWorker(worker: number, target: Target, payload: Uint8Array): boolean;
  toNode(node: string, target: Target, payload: Uint8Array): boolean;
  /** A node that can pass items on to this one, to which we have had no link for a while; undefined: none. */
  relayTo(node: string): string | undefined;
  /** Where workers may send themselves (cluster/direct/way.ts); absent: nowhere. */
  readonly shortcuts?: Shortcuts | undefined;
  /** Something waits from now on, and `tick` is to be called soon. */
  waits?(): void;
  count(metric: string): void;
}

interface Waiting {
  readonly partition: number;
  readonly hops: number;
  readonly payload: Uint8Array;
  readonly sinceMs: number;
  /** It has waited with a worker of ours, which has the partition no more. */
  readonly isBack: boolean;
}

export class Hub {
  readonly #ports: HubPorts;
  /** Worker that holds the partition, -1: none here. */
  readonly #workerOf = new Int16Array(limits.partitions).fill(-1);
  /** Where a partition went that we gave away, until a table says so. */
  readonly #redirects = new Map<number, DropTarget>();
  readonly buddy: BuddyRouter;
  readonly #toHolders: HolderQueue;
  readonly #givingBack: GivingBack;
  #table: Table | undefined;
  #waiting: Waiting[] = [];
  /** Partitions of `#waiting`: what comes later for them waits behind it, or it would overtake. */
  #waitingFor = new Set<number>();
  /** Partitions without a shortcut until nothing of them waits any more. */
  readonly #withoutShortcut = new Set<number>();

  constructor(ports: HubPorts) {
    this.#ports = ports;
    this.#toHolders = new HolderQueue({
      nowMs: () => ports.nowMs(),
      toNode: (node, target, payload) => this.#toNode(node, target, payload),
      isGone: (node) => this.#table !== undefined && memberIndex(this.#table, node) < 0,
      back: (target, payload) => this.#back(target, payload),
      count: (metric) => ports.count(metric),
    });
    this.#givingBack = new GivingBack(ports);
    this.buddy = new BuddyRouter(ports.node, ports.incarnation, {
      nowMs: () => ports.nowMs(),
      toHolder: (partition, payload) => {
        const worker = this.#workerOf[partition] ?? -1;
        if (worker >= 0) ports.toWorker(worker, [3, partition], payload);
        else if (isRecall(payload))
          for (let each = 0; each < limits.workersPerNodeMax; each++) ports.toWorker(each, [3, partition], payload);
      },
      toNode: (node, partition, payload) => ports.toNode(node, [3, partition], payload),
      count: (metric) => ports.count(metric),
    });
  }

  /** Items that can go nowhere just now. */
  get waitingCount(): number {
    return this.#waiting.length + this.#toHolders.count;
  }

  assigned(worker: number, partitions: readonly number[]): void {
    for (const partition of partitions) {
      this.#workerOf[partition] = worker;
      this.#redirects.delete(partition);
      this.#shorten(partition);
    }
    this.#retry();
  }

  /**
   * The worker is told to drop these; what is there of them comes back and goes the new way. What comes from elsewhere waits
   * until then, or it would overtake. Returns the number by which the worker is told (GivingBack).
   */
  dropped(worker: number, partitions: readonly number[], to: DropTarget): number {
    for (const partition of partitions) {
      if (this.#workerOf[partition] === worker) this.#workerOf[partition] = -1;
      if (to !== undefined) this.#redirects.set(partition, to);
    }
    const number = this.#givingBack.ask(worker, partitions);
    for (const partition of partitions) this.#shorten(partition);
    return number;
  }

  workerDown(worker: number): void {
    this.#givingBack.workerDown(worker);
    for (let partition = 0; partition < this.#workerOf.length; partition++)
      if (this.#workerOf[partition] === worker) {
        this.#workerOf[partition] = -1;
        this.#shorten(partition);
      }
  }

  adopt(table: Table): void {
    const before = this.#table;
    this.#table = table;
    this.buddy.adopt(table);
    for (const [partition, to] of this.#redirects)
      if (to === undefined || !('node' in to) || !this.#isGoing(partition, to.node, before))
        this.#redirects.delete(partition);
    if (this.#ports.shortcuts !== undefined)
      for (let partition = 0; partition < table.owner.length; partition++) this.#shorten(partition);
    this.#retry();
  }

  /** From a worker of ours. The payload is a view. */
  fromWorker(node: string, target: Target, payload: Uint8Array): void {
    // With a hop it has been with one who had the partition.
    if (target[0] === 0) {
      const isBack = target[2] > 0 && this.#givingBack.has(target[1]);
      return this.#route(target[1], target[2], payload, isBack);
    }
    if (target[0] === 2) return this.#gaveBack(payload);
    if (target[0] === 3) return this.buddy.fromWorker(node, target[1], payload);
    if (target[0] !== 1) return;
    // For the thread that holds a connection.
    if (node !== this.#ports.node) {
      this.#toHolders.send(node, target, payload);
      if (this.#toHolders.count > 0) this.#ports.waits?.();
    } else if (!this.#ports.toWorker(target[1], target, payload)) this.#back(target, payload);
  }

  /** From another node. The payload is a view. */
  fromNode(peer: string, target: Target, payload: Uint8Array): void {
    if (target[0] === 3) return this.buddy.fromNode(peer, target[1], payload);
    if (target[0] === 1) {
      if (!this.#ports.toWorker(target[1], target, payload)) this.#back(target, payload);
      return;
    }
    if (target[0] === 4) return this.#relay(payload);
    if (target[0] !== 0) return;
    if (target[2] >= limits.linkHopsMax) return this.#ports.count('dropped-hops');
    this.#route(target[1], target[2] + 1, payload);
  }

  #gaveBack(payload: Uint8Array): void {
    if (payload.length < 4) return;
    this.#givingBack.done(readUint32(payload, 0));
    this.#retry();
  }

  /** Any worker of ours: it does not have that connection either, and tells whoever sent the packet. */
  #back(target: Target, payload: Uint8Array): void {
    for (let worker = 0; worker < limits.workersPerNodeMax; worker++)
      if (this.#ports.toWorker(worker, target, payload)) return;
    this.#ports.count('dropped-no-connection-holder');
  }

  /** Through a third node when the link is down for long: one hop more, and only one. */
  #toNode(node: string, target: Target, payload: Uint8Array): boolean {
    if (this.#ports.toNode(node, target, payload)) return true;
    const via = isRelayed(target) ? this.#ports.relayTo(node) : undefined;
    if (via === undefined || !isRelayed(target)) return false;
    if (!this.#ports.toNode(via, [4], packRelayed(node, target, payload))) return false;
    this.#ports.count('relay-asked');
    return true;
  }

  /** For a node that the sender does not reach. When we do not either it is lost, and its sender repeats it. */
  #relay(octets: Uint8Array): void {
    const item = unpackRelayed(octets);
    if (item === undefined) return this.#ports.count('dropped-relay');
    const { node, target, payload } = item;
    if (target[0] === 0 && target[2] >= limits.linkHopsMax) return this.#ports.count('dropped-hops');
    const onwards: Target = target[0] === 0 ? [0, target[1], target[2] + 1] : target;
    this.#ports.count(this.#ports.toNode(node, onwards, payload) ? 'relayed' : 'dropped-relay');
  }

  /** When `tick` next has something to do, by the clock of the ports. To be asked again after `HubPorts.waits`. */
  nextTickMs(leaving = false): number {
    if (this.waitingCount > 0 || this.#withoutShortcut.size > 0) return -Infinity;
    return Math.min(this.buddy.nextTickMs(leaving), this.#givingBack.nextTickMs());
  }

  /** Called now and then: what waits is tried again, what waited too long is dropped and its sender repeats it. */
  tick(leaving = false): void {
    this.buddy.tick(leaving);
    this.#givingBack.tick();
    this.#retry();
  }

  /** @param isBack as in Waiting */
  #route(partition: number, hops: number, payload: Uint8Array, isBack = false): void {
    if (!this.#mustWait(partition, isBack) && this.#trySend(partition, hops, payload)) return;
    if (this.#waiting.length >= limits.hubItemsWaitingMax) return this.#ports.count('dropped-hub-full');
    const item: Waiting = { partition, hops, payload: copyOf(payload), sinceMs: this.#ports.nowMs(), isBack };
    this.#waiting.splice(this.#placeOf(item), 0, item);
    this.#waitingFor.add(partition);
    this.#shorten(partition);
    this.#ports.waits?.();
  }

  /** What comes back from a worker goes through while it is waited for, unless something of it waits already. */
  #mustWait(partition: number, isBack: boolean): boolean {
    if (!isBack) return this.#waitingFor.has(partition) || this.#givingBack.has(partition);
    return this.#waiting.some((each) => each.partition === partition && each.isBack);
  }

  /**
   * What comes back from somebody who had the partition before left its sender sooner than anything of that sender that
   * has waited here since: who comes from a worker of ours goes first, then who has come further.
   */
  #placeOf(item: Waiting): number {
    const rank = rankOf(item);
    if (rank < 2 || !this.#waitingFor.has(item.partition)) return this.#waiting.length;
    const index = this.#waiting.findIndex((each) => each.partition === item.partition && rankOf(each) < rank);
    return index === -1 ? this.#waiting.length : index;
  }

  #trySend(partition: number, hops: number, payload: Uint8Array): boolean {
    const target: Target = [0, partition, hops];
    const redirect = this.#redirects.get(partition);
    if (redirect !== undefined) {
      return 'node' in redirect
        ? this.#toNode(redirect.node, target, payload)
        : this.#ports.toWorker(redirect.worker, target, payload);
    }
    const worker = this.#workerOf[partition] ?? -1;
    if (worker >= 0) return this.#ports.toWorker(worker, target, payload);
    const owner = this.#table?.owner[partition] ?? nobody;
    const member = owner === nobody ? undefined : this.#table?.members[owner];
    if (member === undefined || member.id === this.#ports.node) return false;
    // Its owner sends us what we are about to have: we shall hear of that soon, and back there it would only turn round.
    if (hops > 0 && this.#isComing(partition)) return false;
    return this.#toNode(member.id, target, payload);
  }

  #isComing(partition: number): boolean {
    const to = this.#table?.moving.get(partition);
    return to !== undefined && this.#table!.members[to]?.id === this.#ports.node;
  }

  /** On its way from us to that process of the node by this table as by the one before: what was given is with it. */
  #isGoing(partition: number, node: string, before: Table | undefined): boolean {
    const table = this.#table!;
    const to = table.members[table.moving.get(partition) ?? nobody];
    const toBefore = before?.members[before.moving.get(partition) ?? nobody];
    if (to?.id !== node || toBefore?.id !== node || to.incarnation !== toBefore.incarnation) return false;
    return table.members[table.owner[partition]!]?.id === this.#ports.node;
  }

  /**
   * Whether workers may send items of this partition themselves: while nothing of it waits here or is to come back, since what
   * they send overtakes that, and who has it is known by the table and not given away since.
   */
  #shorten(partition: number): void {
    const { shortcuts, node } = this.#ports;
    if (shortcuts === undefined) return;
    this.#withoutShortcut.delete(partition);
    if (this.#waitingFor.has(partition) || this.#givingBack.has(partition)) {
      this.#withoutShortcut.add(partition);
      return shortcuts.close(partition);
    }
    const worker = this.#workerOf[partition] ?? -1;
    const owner = this.#table?.owner[partition] ?? nobody;
    const member = owner === nobody ? undefined : this.#table?.members[owner];
    if (this.#redirects.has(partition)) shortcuts.close(partition);
    else if (worker >= 0) shortcuts.toWorker(partition, worker);
    else if (member === undefined || member.id === node) shortcuts.close(partition);
    else shortcuts.toNode(partition, member.id);
  }

  #retry(): void {
    this.#toHolders.retry();
    this.#retryWaiting();
    if (this.#withoutShortcut.size === 0) return;
    for (const partition of [...this.#withoutShortcut]) this.#shorten(partition);
  }

  #retryWaiting(): void {
    if (this.#waiting.length === 0) return;
    const oldestMs = this.#ports.nowMs() - limits.hubWaitMs;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingFor = new Set();
    for (const item of waiting) {
      const { partition } = item;
      const isClosed = this.#waitingFor.has(partition) || (!item.isBack && this.#givingBack.has(partition));
      if (!isClosed && this.#trySend(partition, item.hops, item.payload)) continue;
      if (item.sinceMs < oldestMs) this.#ports.count('dropped-no-owner');
      else {
        this.#waiting.push(item);
        this.#waitingFor.add(partition);
      }
    }
  }
}

function rankOf({ isBack, hops }: Waiting): number {
  return isBack ? limits.linkHopsMax + 1 : hops;
}
