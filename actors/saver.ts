/**
 * Brings the state of a partition's entities into the store: all that changed since the last write goes as one atomic
 * batch, the latest state of each entity only. A change that a gate waits for is written with the end of the drain; one
 * that nobody waits for goes along with the next such batch, or alone after `limits.lazySaveMs`.
 */
import { limits } from '../src/limits.ts';
import { Chore } from './chore.ts';
import type { Late, PartitionPorts, Row, WriteResult } from './ports.ts';
import { encodeRow, type Packed, packState, rowKey } from './snapshot.ts';
import type { Life, Slot } from './slot.ts';
import type { Outgoing } from './turn.ts';

export interface SaverOwner {
  readonly number: number;
  readonly epoch: number;
  readonly owner: string;
  /** The gate of this entity has let these out. */
  released(slot: Slot, effects: readonly Outgoing[]): void;
  /** Its state cannot be packed: it must go back to its last snapshot. */
  packFailed(slot: Slot, error: unknown): void;
  /** The store did not get what its answers promise: it must go back to before the first of these promises. */
  promiseBroken(slot: Slot): void;
  /** The store owes nothing about this entity any more. */
  settled(slot: Slot): void;
  /** Called after each answer of the store. */
  writeEnded(result: WriteResult): void;
}

export class Saver {
  readonly #ports: PartitionPorts;
  readonly #owner: SaverOwner;
  readonly #dirty = new Set<Slot>();
  readonly #lazy: Chore = new Chore(() => this.write());
  readonly #released: Outgoing[] = [];
  /** The next owner gets what the store has: everything is to be written. */
  isFrozen = false;
  #lazyArmed = false;
  /** A gate waits for a change that is not written yet. */
  #urgent = false;
  #durable = false;
  #writesInFlight = 0;
  #closed = false;

  constructor(ports: PartitionPorts, owner: SaverOwner) {
    this.#ports = ports;
    this.#owner = owner;
  }

  get dirtyCount(): number {
    return this.#dirty.size;
  }

  get writesInFlight(): number {
    return this.#writesInFlight;
  }

  /** Everything that changed is in the store. */
  get isClean(): boolean {
    return this.#dirty.size === 0 && this.#writesInFlight === 0;
  }

  isDirty(slot: Slot): boolean {
    return this.#dirty.has(slot);
  }

  /** The state of the entity has changed. It must have a life, for its gate. */
  mark(slot: Slot, life: Life, gated: boolean, durable: boolean): void {
    const version = life.gate.save(gated);
    this.#dirty.add(slot);
    if (durable) {
      life.durableVersion = version;
      this.#durable = true;
    }
    if (gated) this.#urgent = true;
    else this.#armLazy();
  }

  /** What was to be written is void: the entity is gone and the store never heard of it. */
  unmark(slot: Slot): void {
    this.#dirty.delete(slot);
  }

  /** The entity went back to its last snapshot or its removal; if the store does not get that, it is still to be written. */
  revert(slot: Slot, life: Life): void {
    if (life.submittedVersion >= life.packedVersion) this.#dirty.delete(slot);
    else {
      this.#dirty.add(slot);
      this.#armLazy();
    }
  }

  /**
   * Its packed state, which no gate waits for, will be written. False: it is to be marked as changed. `isEnd`: it has ended, and
   * sleeps until nobody repeats anything of it. Only the next owner of the partition need know that much: the store forgets what
   * it had, or an owner that is lost would leave a call that stands.
   */
  keep(slot: Slot, isEnd: boolean): boolean {
    const { number, epoch, owner } = this.#owner;
    const isOver = isEnd && !this.isFrozen && this.#ports.isUngated === true;
    const isKnown = slot.isLate || (isOver && !slot.stored);
    if (!isKnown && this.#ports.keep?.(number, epoch, owner, slot, this.#lateRow) !== true) return false;
    if (this.#dirty.size > 0) this.#dirty.delete(slot);
    slot.unsaved = isOver;
    return true;
  }

  /** The state of an entity that is awake has changed, and nothing waits for that: mostly it is packed when its row is asked for. */
  markUngated(slot: Slot, life: Life, durable: boolean): void {
    if (durable || !(slot.isLate || this.keep(slot, false))) this.mark(slot, life, false, durable);
    else life.gate.save(false);
  }

  /** `undefined`: it is gone, or it has ended and the store never heard of it. */
  readonly #lateRow = (late: Late): Row | undefined => {
    const slot = late as Slot;
    const { life } = slot;
    if (slot.unsaved && slot.hasEnded && !this.isFrozen) {
      if (!slot.stored) return undefined;
      slot.stored = false;
      return [rowKey(slot.table.kind, slot.key), null];
    }
    if (life !== undefined && life.awake) {
      if (!this.#pack(slot, life)) return undefined;
      life.packedVersion = life.gate.version;
      life.submittedVersion = life.gate.version;
    }
    const { packed } = slot;
    if (packed === undefined) return undefined;
    slot.stored = true;
    slot.unsaved = false;
    const nowMs = this.#ports.clock.clusterMs();
    const wakeAtMs = life === undefined ? (slot.wakeUp?.wantedMs ?? 0) : wakeTimeOf(slot, life, nowMs);
    const version = life === undefined ? slot.version : life.packedVersion;
    const { kind } = slot.table;
    return [rowKey(kind, slot.key), encodeRow({ kind, version, savedAtMs: nowMs, wakeAtMs, packed })];
  };

  /** To be called at the end of each drain. */
  writeIfUrgent(): void {
    if (this.#urgent) this.write();
  }

  /** Writes everything that changed; what exceeds the writes in flight follows when one has been answered. */
  write(): void {
    this.#lazyArmed = false;
    this.#ports.wheel.cancel(this.#lazy);
    while (!this.#closed && this.#dirty.size > 0 && this.#writesInFlight < limits.writesInFlightPerPartitionMax)
      this.#writeBatch();
    if (this.#dirty.size === 0) this.#urgent = false;
  }

  /** Nothing is written any more, and answers are ignored. */
  close(): void {
    this.#closed = true;
    this.#dirty.clear();
    this.#ports.wheel.cancel(this.#lazy);
  }

  #writeBatch(): void {
    const batch: Written[] = [];
    const rows: Row[] = [];
    let durable = this.#durable;
    for (const slot of this.#dirty) {
      if (rows.length === limits.storeBatchRowsMax) break;
      this.#dirty.delete(slot);
      const value = this.#valueOf(slot);
      if (value === undefined) {
        this.#owner.settled(slot);
        continue;
      }
      const life = slot.life!;
      // Its answer opens the gate for all versions before it, and one of them waits for the store alone.
      if (life.durableVersion > life.storedVersion) durable = true;
      life.writesInFlight++;
      life.packedVersion = life.gate.version;
      life.submittedVersion = life.gate.version;
      slot.stored = true;
      slot.unsaved = false;
      batch.push({ slot, life, version: life.gate.version, deleted: value === null });
      rows.push([rowKey(slot.table.kind, slot.key), value]);
    }
    if (rows.length === 0) return;
    if (this.#dirty.size === 0) this.#durable = false;
    this.#writesInFlight++;
    const { number, epoch, owner } = this.#owner;
    this.#ports.write(number, epoch, owner, rows, durable, (result) => this.#answered(batch, durable, result));
  }

  /** `undefined`: there is nothing to write. */
  #valueOf(slot: Slot): Uint8Array | null | undefined {
    const life = slot.life!;
    if (life.awake && !this.#pack(slot, life)) return undefined;
    if (slot.packed === undefined) {
      if (slot.stored) return null;
      this.#release(slot, life, life.gate.version);
      return undefined;
    }
    const nowMs = this.#ports.clock.clusterMs();
    return encodeRow({
      kind: slot.table.kind,
      version: life.gate.version,
      savedAtMs: nowMs,
      wakeAtMs: wakeTimeOf(slot, life, nowMs),
      packed: slot.packed,
    });
  }

  /** False: it cannot be packed. */
  #pack(slot: Slot, life: Life): boolean {
    try {
      slot.packed = packedOf(slot, life);
      life.isPacked = true;
      return true;
    } catch (error) {
      this.#owner.packFailed(slot, error);
      return false;
    }
  }

  #answered(batch: readonly Written[], durable: boolean, result: WriteResult): void {
    if (this.#closed) return;
    this.#writesInFlight--;
    if (result !== 'fenced') {
      for (const written of batch) this.#settle(written, result === 'ok');
      if (result === 'failed' && durable) this.#durable = true;
    }
    if (this.#urgent && result === 'ok') this.write();
    else if (this.#dirty.size > 0) this.#armLazy();
    this.#owner.writeEnded(result);
  }

  #settle({ slot, life, version, deleted }: Written, ok: boolean): void {
    life.writesInFlight--;
    if (ok && version > life.storedVersion) {
      life.storedVersion = version;
      if (deleted && version === life.gate.version) slot.stored = false;
    } else if (!ok && version > life.storedVersion) {
      // The row is tried again, unless a later one is on its way already.
      this.#ports.count('save.failed');
      if (version === life.submittedVersion) {
        life.submittedVersion = life.storedVersion;
        this.#dirty.add(slot);
        this.#armLazy();
      }
    }
    if (!ok && life.hasPromise(version)) this.#owner.promiseBroken(slot);
    else {
      // Availability before safety: where nothing is promised, packets go although the write failed.
      const count = this.#release(slot, life, version);
      if (!ok) for (let index = 0; index < count; index++) this.#ports.count('gate.ungated');
    }
    this.#owner.settled(slot);
  }

  #release(slot: Slot, life: Life, version: number): number {
    const released = this.#released;
    released.length = 0;
    life.keepPromises(version);
    const count = life.gate.pass(version, released);
    if (count > 0) this.#owner.released(slot, released);
    released.length = 0;
    return count;
  }

  #armLazy(): void {
    if (this.#lazyArmed) return;
    this.#lazyArmed = true;
    this.#ports.wheel.schedule(this.#lazy, this.#ports.clock.clusterMs() + limits.lazySaveMs);
  }
}

interface Written {
  readonly slot: Slot;
  readonly life: Life;
  readonly version: number;
  readonly deleted: boolean;
}

/** Its state, which is awake. @throws what `pack` throws, and when it cannot be MessagePack */
export function packedOf(slot: Slot, life: Life): Packed | undefined {
  if (life.isPacked) return slot.packed;
  const state = slot.table.behaviour.pack(life.state);
  return state === null ? undefined : packState(state);
}

/**
 * When the entity must be awake again, 0 for never. One that has asked somebody at once: nobody answers its next owner, who
 * has to ask again, and over TCP nothing else comes that would wake it.
 */
export function wakeTimeOf(slot: Slot, life: Life, nowMs: number): number {
  if (!life.awake) return slot.wakeUp === undefined ? 0 : slot.wakeUp.wantedMs;
  if (life.asks.length > 0) return nowMs;
  const behaviour = slot.table.behaviour;
  return behaviour.nextWakeMs === undefined ? life.earliestTimerMs() : behaviour.nextWakeMs(life.state);
}
