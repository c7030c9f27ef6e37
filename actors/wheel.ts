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

/**
 * Something that is to happen at a time. Reusable: may be armed again once it has fired or was cancelled. V8 looks up in a
 * table what more than four classes have in common, so there are four besides those of tests.
 */
export abstract class Scheduled {
  /** NaN before it was armed: a whole number would be kept in another form, which makes two shapes of one class. */
  atMs = Number.NaN;
  /** Of two entries for the same millisecond the one that was armed first fires first. */
  order = 0;
  /** The list it waits in; negative when it does not wait. Of the wheel only, as are the two links. */
  place = idle;
  previous: Scheduled | undefined = undefined;
  next: Scheduled | undefined = undefined;

  /** Called by the wheel when the time has come. */
  abstract due(nowMs: number): void;
}

export class Wheel {
  /** The first entries of all lists: 256 places for each ring, and one for what is overdue. They are in no order. */
  readonly #first: (Scheduled | undefined)[] = new Array<undefined>(overdue + 1).fill(undefined);
  /** Entries of each ring, and those that are overdue. */
  readonly #counts: number[] = [...ringBits.map(() => 0), 0];
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
    if (entry.place >= 0) {
      this.#size--;
      this.#unlink(entry);
    }
    entry.place = idle;
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
    this.#collect(overdue);
    while (this.#tick < target) this.#step(target);
    const due = this.#due;
    if (due.length === 0) return 0;
    if (due.length > 1) due.sort(byTime);
    // Popped, the array keeps its room.
    const batch = due.length === 1 ? [due.pop()!] : due.splice(0);
    let fired = 0;
    for (const entry of batch) {
      if (entry.place !== collected) continue;
      entry.place = idle;
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
    for (let entry = this.#first[overdue]; entry !== undefined; entry = entry.next)
      earliestMs = Math.min(earliestMs, dueMsOf(entry));
    let earliest = Number.POSITIVE_INFINITY;
    for (let ring = 0; ring < ringBits.length; ring++) {
      if (this.#counts[ring] === 0) continue;
      const unit = ringFrom[ring]!;
      const first = Math.floor(this.#tick / unit);
      for (let ahead = 1; ahead <= ringMask[ring]! + 1 && (first + ahead) * unit < earliest; ahead++)
        if (this.#first[placeIn(ring, this.#tick + ahead * unit)] !== undefined) earliest = (first + ahead) * unit;
    }
    return Math.min(earliestMs, earliest * limits.timerTickMs);
  }

  /** The clock was set back: what was armed by the right time must not count as overdue. */
  #rewind(target: number): void {
    const entries: Scheduled[] = [];
    for (const first of this.#first)
      for (let entry = first; entry !== undefined; entry = entry.next) entries.push(entry);
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
      this.#cascade(placeIn(1, position));
      for (let ring = 2; ring < ringBits.length && position % ringFrom[ring]! === 0; ring++)
        this.#cascade(placeIn(ring, position));
      this.#collect(overdue);
    }
    this.#collect(placeIn(0, position));
  }

  /** To just before the next slot of the finest ring that is not empty, at most to the end of that ring. */
  #skipEmpty(target: number): void {
    let place = placeIn(0, this.#tick);
    const last = Math.min(place + target - this.#tick, ringMask[0]!);
    const first = place;
    while (place < last && this.#first[place + 1] === undefined) place++;
    this.#tick += place - first;
  }

  #cascade(place: number): void {
    let entry = this.#first[place];
    this.#first[place] = undefined;
    while (entry !== undefined) {
      const following = entry.next;
      this.#counts[ringOf(place)]!--;
      this.#place(entry);
      entry = following;
    }
  }

  #place(entry: Scheduled): void {
    const dueTick = Math.ceil(entry.atMs / limits.timerTickMs);
    const ahead = Math.min(dueTick - this.#tick, 2 ** 32 - 1);
    let place = overdue;
    if (ahead > 0) {
      let ring = 0;
      while (ring + 1 < ringBits.length && ahead >= ringFrom[ring + 1]!) ring++;
      place = placeIn(ring, (this.#tick + ahead) >>> 0);
    }
    const next = this.#first[place];
    entry.previous = undefined;
    entry.next = next;
    if (next !== undefined) next.previous = entry;
    this.#first[place] = entry;
    entry.place = place;
    this.#counts[ringOf(place)]!++;
  }

  #unlink(entry: Scheduled): void {
    const { place, previous, next } = entry;
    this.#counts[ringOf(place)]!--;
    if (previous === undefined) this.#first[place] = next;
    else previous.next = next;
    if (next !== undefined) next.previous = previous;
    entry.next = undefined;
    entry.previous = undefined;
  }

  #collect(place: number): void {
    let entry = this.#first[place];
    this.#first[place] = undefined;
    while (entry !== undefined) {
      const following = entry.next;
      this.#size--;
      this.#counts[ringOf(place)]!--;
      entry.next = undefined;
      entry.previous = undefined;
      entry.place = collected;
      this.#due.push(entry);
      entry = following;
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
const overdue = ringBits.length * 256;

/** The places of all rings together are the 32 bits of the tick, so arithmetic modulo 2^32 loses nothing. */
function placeIn(ring: number, tick: number): number {
  return (ring << 8) | ((tick >>> ringShift[ring]!) & ringMask[ring]!);
}

function ringOf(place: number): number {
  return place >> 8;
}

/** When the tick begins that fires it. */
function dueMsOf({ atMs }: Scheduled): number {
  return Math.ceil(atMs / limits.timerTickMs) * limits.timerTickMs;
}

function byTime(left: Scheduled, right: Scheduled): number {
  return left.atMs - right.atMs || left.order - right.order;
}
