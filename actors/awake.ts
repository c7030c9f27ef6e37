/**
 * The entities of a partition that are awake, and when to look who of them may fall asleep: not before the first can, since
 * a worker has thousands of partitions.
 */
import { limits } from '../src/limits.ts';
import { Chore } from './chore.ts';
import type { Slot } from './slot.ts';
import type { Wheel } from './wheel.ts';

export class Awake {
  readonly #wheel: Wheel;
  readonly #slots = new Set<Slot>();
  readonly #sweep: Chore;
  /** 0: not armed. */
  #sweepAtMs = 0;

  /** @param passivate one that has been idle for long; it need not obey */
  constructor(wheel: Wheel, passivate: (slot: Slot, nowMs: number) => void) {
    this.#wheel = wheel;
    this.#sweep = new Chore((nowMs) => this.#look(nowMs, passivate));
  }

  get size(): number {
    return this.#slots.size;
  }

  slots(): Iterable<Slot> {
    return this.#slots;
  }

  add(slot: Slot, nowMs: number): void {
    this.#slots.add(slot);
    this.#lookBy(nowMs + restOf(slot));
  }

  delete(slot: Slot): void {
    this.#slots.delete(slot);
    if (this.#slots.size > 0) return;
    this.#wheel.cancel(this.#sweep);
    this.#sweepAtMs = 0;
  }

  #look(nowMs: number, passivate: (slot: Slot, nowMs: number) => void): void {
    this.#sweepAtMs = 0;
    for (const slot of this.#slots) {
      if (nowMs - slot.life!.touchedAtMs >= restOf(slot)) passivate(slot, nowMs);
      if (this.#slots.has(slot))
        this.#lookBy(Math.max(slot.life!.touchedAtMs + restOf(slot), nowMs + limits.passivateSweepMs));
    }
  }

  #lookBy(atMs: number): void {
    if (this.#sweepAtMs !== 0 && this.#sweepAtMs <= atMs) return;
    this.#sweepAtMs = atMs;
    this.#wheel.schedule(this.#sweep, atMs);
  }
}

/** How long the entity must be idle before it may fall asleep. */
export function restOf(slot: Slot): number {
  return slot.table.behaviour.passivateAfterMs ?? limits.passivateIdleMs;
}
