/**
 * A hierarchical timer wheel: arming and cancelling cost O(1) whatever the number of timers. One per worker, shared by its
 * partitions. It knows no clock: whoever owns it calls `advance` with the time of its choice (cluster time here).
 *
 * Five rings of 256, 64, 64, 64 and 64 slots over ticks of 10 ms reach 497 days. An entry waits in the coarsest ring that
 * it needs and falls to finer ones as its time comes near. An entry never fires early, and at most one tick late.
 */
import { limits } from '../src/limits.ts';

const idle = -1;
const collected = -2;

/** Something that is to happen at a time. Reusable: may be armed again once it has fired or was cancelled. */
export abstract class Scheduled {
  atMs = 0;
  /** Of two entries for the same millisecond the one that was armed first fires first. */
  order = 0;
  /** The ring it waits in; negative when it does not wait. Of the wheel only, as are the two links. */
  ring = idle;
  previous: Scheduled | undefined = undefined;
  next: Scheduled | undefined = undefined;

  /** Called by the wheel when the time has come. */
  abstract due(nowMs: number): void;
}

export class Wheel {
  readonly #rings: readonly (readonly Scheduled[])[] = ringBits.map((bits) =>
    Array.from({ length: 2 ** bits }, emptySlot),
  );
  readonly #overdue: Scheduled = emptySlot();
  readonly #counts: number[] = ringBits.map(() => 0);
  readonly #due: Scheduled[] = [];
  #tick: number;
  #order = 0;
  #size = 0;
  /** Answer of nextDueMs, until something may be earlier or has passed; NaN: not known. */
  #lookAtMs = Number.NaN;

  constructor(nowMs: number) {
    this.#tick = Math.floor(nowMs / limits.timerTickMs);
  }

  get size(): number {
    return this.#size;
  }

  /** Arms the entry for `atMs`, whether or not it was armed before. What is past already fires with the next `advance`. */
  schedule(entry: Scheduled, atMs: number): void {
    this.cancel(entry);
    entry.atMs = atMs;
    entry.order = this.#order++;
    this.#size++;
    this.#place(entry);
    if (atMs < this.#lookAtMs) this.#lookAtMs = dueMsOf(entry);
  }

  cancel(entry: Scheduled): void {
    if (entry.ring >= 0) {
      this.#size--;
      this.#unlink(entry);
    }
    entry.ring = idle;
  }

  /**
   * Fires all that is due at `nowMs`, in the order of their times. An entry that another one cancels in the same call does
   * not fire. What is armed meanwhile waits for the next call. A time a little before the last one changes nothing; from one
   * far before it, because the clock was wrong, all goes on anew.
   */
  advance(nowMs: number): number {
    const target = Math.floor(nowMs / limits.timerTickMs);
    if (target < this.#tick - rewindTicks) this.#rewind(target);
    if (!(target * limits.timerTickMs < this.#lookAtMs)) this.#lookAtMs = Number.NaN;
    this.#collect(this.#overdue);
    while (this.#tick < target) this.#step(target);
    const due = this.#due;
    if (due.length === 0) return 0;
    if (due.length > 1) due.sort(byTime);
    // Popped, the array keeps its room.
    const batch = due.length === 1 ? [due.pop()!] : due.splice(0);
    let fired = 0;
    for (const entry of batch) {
      if (entry.ring !== collected) continue;
      entry.ring = idle;
      fired++;
      entry.due(nowMs);
    }
    return fired;
  }

  /**
   * When to call `advance` next: never later than the earliest entry is due; may be earlier, when entries only move to a
   * finer ring then. `undefined`: nothing is armed.
   */
  nextDueMs(): number | undefined {
    if (this.#size === 0) return undefined;
    if (Number.isNaN(this.#lookAtMs)) this.#lookAtMs = this.#earliestMs();
    return this.#lookAtMs;
  }

  #earliestMs(): number {
    let earliestMs = Number.POSITIVE_INFINITY;
    // Overdue for us; not for a clock that was set back, and `advance` will see that.
    for (let entry = this.#overdue.next!; entry !== this.#overdue; entry = entry.next!)
      earliestMs = Math.min(earliestMs, dueMsOf(entry));
    let earliest = Number.POSITIVE_INFINITY;
    for (let ring = 0; ring < ringBits.length; ring++) {
      if (this.#counts[ring] === 0) continue;
      const unit = ringFrom[ring]!;
      const first = Math.floor(this.#tick / unit);
      const slots = this.#rings[ring]!;
      const place = indexIn(ring, this.#tick);
      for (let ahead = 1; ahead <= slots.length && (first + ahead) * unit < earliest; ahead++) {
        const slot = slots[(place + ahead) & ringMask[ring]!]!;
        if (slot.next !== slot) earliest = (first + ahead) * unit;
      }
    }
    return Math.min(earliestMs, earliest * limits.timerTickMs);
  }

  /** The clock was set back: what was armed by the right time must not count as overdue. */
  #rewind(target: number): void {
    const entries: Scheduled[] = [];
    for (const slot of [this.#overdue, ...this.#rings.flat()]) {
      for (let entry = slot.next!; entry !== slot; entry = entry.next!) entries.push(entry);
    }
    for (const entry of entries) this.#unlink(entry);
    this.#tick = target;
    this.#lookAtMs = Number.NaN;
    for (const entry of entries) this.#place(entry);
  }

  /** One tick, or a jump over ticks in which nothing can happen. */
  #step(target: number): void {
    if (this.#size === 0) {
      this.#tick = target;
      return;
    }
    // While the finest rings are empty, nothing can happen before the next slot of the first ring that is not.
    let empty = 0;
    while (this.#counts[empty] === 0) empty++;
    if (empty > 0) {
      const unit = ringFrom[empty] ?? 2 ** 32;
      this.#tick = Math.min(target, (Math.floor(this.#tick / unit) + 1) * unit) - 1;
    } else {
      this.#skipEmpty(target);
      if (this.#tick === target) return;
    }
    this.#tick++;
    const position = this.#tick >>> 0;
    if ((position & ringMask[0]!) === 0) {
      this.#cascade(this.#rings[1]![indexIn(1, position)]!);
      for (let ring = 2; ring < ringBits.length && position % ringFrom[ring]! === 0; ring++)
        this.#cascade(this.#rings[ring]![indexIn(ring, position)]!);
      this.#collect(this.#overdue);
    }
    this.#collect(this.#rings[0]![position & ringMask[0]!]!);
  }

  /** To just before the next slot of the finest ring that is not empty, at most to the end of that ring. */
  #skipEmpty(target: number): void {
    const slots = this.#rings[0]!;
    let place = indexIn(0, this.#tick);
    const last = Math.min(place + target - this.#tick, ringMask[0]!);
    const first = place;
    while (place < last && slots[place + 1]!.next === slots[place + 1]) place++;
    this.#tick += place - first;
  }

  #cascade(slot: Scheduled): void {
    let entry = slot.next!;
    slot.next = slot;
    slot.previous = slot;
    while (entry !== slot) {
      const following = entry.next!;
      this.#counts[entry.ring]!--;
      this.#place(entry);
      entry = following;
    }
  }

  #place(entry: Scheduled): void {
    const dueTick = Math.ceil(entry.atMs / limits.timerTickMs);
    const ahead = Math.min(dueTick - this.#tick, 2 ** 32 - 1);
    if (ahead <= 0) {
      append(this.#overdue, entry);
      entry.ring = overdueRing;
      return;
    }
    let ring = 0;
    while (ring + 1 < ringBits.length && ahead >= ringFrom[ring + 1]!) ring++;
    append(this.#rings[ring]![indexIn(ring, (this.#tick + ahead) >>> 0)]!, entry);
    entry.ring = ring;
    this.#counts[ring]!++;
  }

  #unlink(entry: Scheduled): void {
    if (entry.ring !== overdueRing) this.#counts[entry.ring]!--;
    entry.previous!.next = entry.next;
    entry.next!.previous = entry.previous;
    entry.next = undefined;
    entry.previous = undefined;
  }

  #collect(slot: Scheduled): void {
    while (slot.next !== slot) {
      const entry = slot.next!;
      this.#size--;
      this.#unlink(entry);
      entry.ring = collected;
      this.#due.push(entry);
    }
  }
}

/**
 * Corrections of the clock by less than this change nothing: a timer may fire so much too soon. (A machine whose date is off by
 * less than a second is common; its first timers must not be off by that.)
 */
const rewindTicks = 3;
const ringBits = [8, 6, 6, 6, 6] as const;
const ringShift = [0, 8, 14, 20, 26] as const;
/** Ticks ahead from which on a ring is used, and the mask of its places. */
const ringFrom: readonly number[] = ringShift.map((shift) => 2 ** shift);
const ringMask: readonly number[] = ringBits.map((bits) => 2 ** bits - 1);
const overdueRing = ringBits.length;

/** The slots of all rings together are the 32 bits of the tick, so arithmetic modulo 2^32 loses nothing. */
function indexIn(ring: number, position: number): number {
  return (position >>> ringShift[ring]!) & ringMask[ring]!;
}

class Slot extends Scheduled {
  due(): void {
    throw new Error('a slot is the head of a list and never due');
  }
}

/** When the tick begins that fires it. */
function dueMsOf({ atMs }: Scheduled): number {
  return Math.ceil(atMs / limits.timerTickMs) * limits.timerTickMs;
}

function emptySlot(): Scheduled {
  const slot = new Slot();
  slot.next = slot;
  slot.previous = slot;
  return slot;
}

function append(slot: Scheduled, entry: Scheduled): void {
  const last = slot.previous!;
  entry.previous = last;
  entry.next = slot;
  last.next = entry;
  slot.previous = entry;
}

function byTime(left: Scheduled, right: Scheduled): number {
  return left.atMs - right.atMs || left.order - right.order;
}
