/**
 * One partition: the entities whose keys hash to it, and the only place where their state changes. The shell delivers
 * envelopes and calls `drain`; each input is one turn of one entity, run to its end; then all that changed is written as
 * one batch and each entity's gate lets its packets go when the store has acknowledged what they rely on.
 *
 * Synchronous and without a clock or a socket of its own. Nothing an input does can throw out of here.
 */
import assert from 'node:assert';
import { limits } from '../src/limits.ts';
import { Entities, type EntitiesOwner } from './entities.ts';
import type { Behaviours, Kind } from './entity.ts';
import { type Envelope, makesEntity } from './envelope.ts';
import { countStored, keptOf, type Kept } from './kept.ts';
import type { Listed } from './listed.ts';
import { Mailbox, urgency, urgencyOf } from './mailbox.ts';
import type { PartitionPorts, WriteResult } from './ports.ts';
import type { Item, Slot } from './slot.ts';
import { decodeRow } from './snapshot.ts';

/** A row of the snapshot store. */
export interface StoredRow {
  readonly key: string;
  readonly value: Uint8Array;
}

export interface PartitionStats {
  readonly entities: Readonly<Record<Kind, number>>;
  readonly awake: number;
  readonly queued: number;
  readonly unwritten: number;
  readonly writesInFlight: number;
  readonly asks: number;
  readonly frozen: boolean;
}

export class Partition implements EntitiesOwner {
  readonly number: number;
  readonly epoch: number;
  readonly owner: string;
  readonly #ports: PartitionPorts;
  readonly #mailbox: Mailbox<Slot, Item>;
  readonly #entities: Entities;
  readonly #tables: Entities['tables'];
  #frozen: ((result: WriteResult) => void) | 'settled' | undefined = undefined;
  #closed = false;
  #drainCalled = false;

  /** @param owner `node.incarnation`, which fences the writes together with the epoch. */
  constructor(number: number, epoch: number, owner: string, ports: PartitionPorts, behaviours: Behaviours) {
    this.number = number;
    this.epoch = epoch;
    this.owner = owner;
    this.#ports = ports;
    this.#mailbox = new Mailbox(ports.load);
    this.#entities = new Entities(this, ports, behaviours);
    this.#tables = this.#entities.tables;
  }

  /** Takes over what an earlier owner left. Entities stay packed until an input or their wake-up time; to be called first. */
  load(rows: readonly StoredRow[]): void {
    for (const row of rows) {
      const decoded = decodeRow(row.key, row.value);
      if (decoded === undefined) {
        this.#ports.count('entity.unreadable');
        this.#ports.note('error', 'snapshot-unreadable', { partition: this.number, key: row.key });
        continue;
      }
      this.#entities.adopt(decoded.key, decoded.snapshot);
    }
  }

  /**
   * Queues an input for its entity. `false`: refused, because a mailbox is full (after `ports.overloaded`) or the
   * partition has stopped. Never throws.
   */
  deliver(envelope: Envelope): boolean {
    if (this.#closed) return false;
    const table = this.#tables.of(envelope.to.kind);
    const known = table.get(envelope.to.key);
    if (envelope.type === 'ask' && known !== undefined && this.#isQueued(envelope, known)) {
      this.#ports.count('ask.repeated');
      return true;
    }
    const level = urgencyOf(envelope);
    // What the gate holds back is unfinished work too: a slow store must not make an entity grow without bound.
    const backlog =
      known === undefined ? 0 : known.queuedItems + (known.life === undefined ? 0 : known.life.gate.heldCount);
    const isTooLate = this.#ports.load.isClosing === true && known === undefined && level === urgency.newWork;
    if (isTooLate || !this.#mailbox.admits(level, backlog)) {
      this.#ports.count(shedMetrics[level]);
      this.#ports.overloaded(envelope);
      return false;
    }
    if (known === undefined && !makesEntity(envelope)) {
      this.#ports.count('input.for-nobody');
      return true;
    }
    // Names may be made of what strangers say. Who asks for one too many asks again, in vain at last.
    if (known === undefined && table.kind === 'limit' && table.size >= limits.countersPerPartitionMax) {
      this.#ports.count('shed.limit');
      return false;
    }
    this.enqueue(known ?? this.#entities.slotOf(envelope.to.kind, envelope.to.key), envelope);
    return true;
  }

  /** What was asked again and again while there was no way comes all at once, and must leave room for others. */
  #isQueued({ asker }: Extract<Envelope, { type: 'ask' }>, slot: Slot): boolean {
    if (slot.queuedItems < limits.mailboxItemsOfRepeatsMin) return false;
    const { id, key, kind } = asker;
    return this.#mailbox.holds(
      (item) => item.type === 'ask' && item.asker.id === id && item.asker.key === key && item.asker.kind === kind,
    );
  }

  /** Handles what is queued, up to `limits.drainItemsMax` inputs. `true`: there is more, call again after the others. */
  drain(): boolean {
    if (this.#closed || this.#frozen !== undefined) return false;
    this.#drainCalled = true;
    const nowMs = this.#ports.clock.clusterMs();
    for (let left = limits.drainItemsMax; left > 0 && this.#mailbox.size > 0 && !this.#closed; left--) {
      const slot = this.#mailbox.firstOwner()!;
      this.#entities.handle(slot, this.#mailbox.shift()!, nowMs);
    }
    this.#entities.saver.writeIfUrgent();
    const more = this.#mailbox.size > 0 && !this.#closed && this.#frozen === undefined;
    this.#drainCalled = more;
    return more;
  }

  /** Fires the timers of the worker's wheel, those of the other partitions too. */
  advance(nowMs: number): void {
    this.#ports.wheel.advance(nowMs);
  }

  /** When `advance` must be called next; `undefined`: no timer is armed. */
  nextWakeMs(): number | undefined {
    return this.#ports.wheel.nextDueMs();
  }

  /**
   * Stops handling inputs, writes every entity, and calls `done`: 'ok' when the store has everything and all gates are
   * empty. Inputs are still queued, to be taken out with `takeHeld` or handled after `resume`.
   */
  freeze(done: (result: WriteResult) => void): void {
    assert(typeof this.#frozen !== 'function', 'still freezing');
    if (this.#closed) return done('fenced');
    this.#frozen = done;
    this.#entities.saver.isFrozen = true;
    this.#entities.saveAll(false);
    this.#checkFrozen();
  }

  /** The store has lost some of what it had, `rows` is left: writes everything anew and takes out what is over. */
  saveAgain(rows: readonly StoredRow[]): void {
    if (this.#closed) return;
    for (const row of rows) {
      const decoded = decodeRow(row.key, row.value);
      if (decoded !== undefined) this.#entities.slotOf(decoded.snapshot.kind, decoded.key).stored = true;
    }
    this.#entities.saveAll(true);
  }

  /** How many rows the store has of a partition that is frozen, with everything written. */
  get storedCount(): number {
    return countStored(this.#entities.tables);
  }

  /** These rows, before it is closed; none when it is not frozen. */
  left(): Kept[] {
    return this.#closed || this.#frozen !== 'settled'
      ? []
      : keptOf(this.#entities.tables, this.#ports.clock.clusterMs());
  }

  /** The hand-off did not happen: goes on as before. */
  resume(): void {
    this.#frozen = undefined;
    this.#entities.saver.isFrozen = false;
    this.#drainCalled = false;
    if (this.#mailbox.size > 0) this.#callDrain();
  }

  /**
   * Takes out what is queued, in order, for the next owner. Timers are not among it: the next owner arms them from the
   * snapshots. Only for a partition that is frozen and will not be resumed, or that was fenced.
   */
  takeHeld(): Envelope[] {
    const held: Envelope[] = [];
    while (this.#mailbox.size > 0) {
      const item = this.#mailbox.shift()!;
      if (item.type !== 'timer' && item.type !== 'wake-up' && item.type !== 'ask-failed') held.push(item);
    }
    return held;
  }

  /** Ends at once: nothing is written, sent or released any more, and all timers are disarmed. What waits is forgotten. */
  close(): void {
    this.#stop();
    while (this.#mailbox.shift() !== undefined);
  }

  /** Closed or fenced: takes nothing any more. */
  get isClosed(): boolean {
    return this.#closed;
  }

  #stop(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#entities.close();
  }

  /** Items that wait. */
  get queued(): number {
    return this.#mailbox.size;
  }

  get writesInFlight(): number {
    return this.#entities.saver.writesInFlight;
  }

  stats(): PartitionStats {
    return {
      entities: {
        call: this.#entities.tables.call.size,
        aor: this.#entities.tables.aor.size,
        limit: this.#entities.tables.limit.size,
      },
      awake: this.#entities.awakeCount,
      queued: this.queued,
      unwritten: this.#entities.saver.dirtyCount,
      writesInFlight: this.writesInFlight,
      asks: this.#entities.asks.size,
      frozen: this.#frozen !== undefined,
    };
  }

  describe(): string {
    const { entities, awake, queued, unwritten, writesInFlight } = this.stats();
    const state = this.#closed ? 'closed' : this.#frozen === undefined ? 'serving' : 'frozen';
    return (
      `partition ${this.number} epoch ${this.epoch} ${state}: ${entities.call} calls, ${entities.aor} aors, ${entities.limit} limits, ` +
      `${awake} awake, ${queued} queued, ${unwritten} unwritten, ${writesInFlight} writes in flight`
    );
  }

  /** All entities of a kind, sleeping ones too. Those that cannot be read are left out. */
  list(kind: Kind): Listed[] {
    const listed: Listed[] = [];
    for (const slot of this.#entities.tables.of(kind).values()) {
      const entry = this.#entities.look(slot);
      if (entry !== undefined) listed.push(entry);
    }
    return listed;
  }

  /** Those that are awake: of the others there may be very many, and each has to be unpacked. */
  listAwake(kind: Kind): Listed[] {
    const listed: Listed[] = [];
    for (const slot of this.#entities.awake()) {
      const entry = slot.table.kind === kind ? this.#entities.look(slot) : undefined;
      if (entry !== undefined) listed.push(entry);
    }
    return listed;
  }

  /** Of all entities of a kind, in no order. */
  keys(kind: Kind): Iterable<string> {
    return Array.from(this.#entities.tables.of(kind).values(), ({ key }) => key);
  }

  find(kind: Kind, key: string): Listed | undefined {
    const slot = this.#entities.tables.of(kind).get(key);
    return slot && this.#entities.look(slot);
  }

  /** For the entities: an item that was not delivered from outside, and is bounded by what the entity has armed. */
  enqueue(slot: Slot, item: Item): void {
    this.#mailbox.push(slot, item);
    this.#callDrain();
  }

  #callDrain(): void {
    if (this.#drainCalled || this.#frozen !== undefined) return;
    this.#drainCalled = true;
    this.#ports.wake(this.number);
  }

  /** For the entities: the store has answered. */
  writeEnded(result: WriteResult): void {
    if (result === 'fenced') {
      // What waits is the next owner's: it is taken out when this partition is dropped.
      this.#stop();
      this.#ports.fenced(this.number);
      this.#reportFrozen('fenced');
      return;
    }
    if (typeof this.#frozen !== 'function') return;
    if (result === 'failed') this.#reportFrozen('failed');
    else {
      this.#entities.saver.write();
      this.#checkFrozen();
    }
  }

  #checkFrozen(): void {
    if (this.#entities.saver.isClean) this.#reportFrozen('ok');
  }

  #reportFrozen(result: WriteResult): void {
    const done = this.#frozen;
    if (typeof done !== 'function') return;
    this.#frozen = 'settled';
    done(result);
  }
}

const shedMetrics = {
  [urgency.newWork]: 'shed.new',
  [urgency.known]: 'shed.known',
  [urgency.urgent]: 'shed.urgent',
} as const;
