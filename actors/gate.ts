/**
 * The output gate of one entity: what it lets out leaves in order, and nothing leaves before the snapshot that it relies on
 * is acknowledged (invariant 30). It knows versions only, neither the store nor what an effect is.
 */
import assert from 'node:assert';

interface Held<Effect> {
  /** The version whose acknowledgement lets it out. */
  readonly version: number;
  readonly effect: Effect;
}

export class Gate<Effect> {
  /** Of the last change that was saved. Rises for the whole life of the entity, over restarts too. */
  #version: number;
  /** What is let out from now on waits for this one. */
  #needed: number;
  /** The highest version acknowledged, or let through by policy. */
  #passed: number;
  #held: Held<Effect>[] = [];

  /** @param version of the snapshot that the entity was read from, 0 for a new one. */
  constructor(version: number) {
    this.#version = version;
    this.#needed = version;
    this.#passed = version;
  }

  get version(): number {
    return this.#version;
  }

  /** Open: an effect may be performed at once. */
  get isOpen(): boolean {
    return this.#passed >= this.#needed;
  }

  get heldCount(): number {
    return this.#held.length;
  }

  /** A change was saved; `gated`: what follows waits for it. Returns the version it has. */
  save(gated: boolean): number {
    this.#version++;
    if (gated) this.#needed = this.#version;
    return this.#version;
  }

  /** Whether such an effect waits. */
  holds(is: (effect: Effect) => boolean): boolean {
    for (const { effect } of this.#held) if (is(effect)) return true;
    return false;
  }

  /** Queues an effect behind the save that it waits for. */
  hold(effect: Effect): void {
    assert(!this.isOpen, 'an open gate holds nothing, or order is lost');
    this.#held.push({ version: this.#needed, effect });
  }

  /** The store has this version. Appends to `released`, in order, what may go now, and returns how many those are. */
  pass(version: number, released: Effect[]): number {
    assert(version <= this.#version, 'acknowledged a version that was never saved');
    if (version <= this.#passed) return 0;
    this.#passed = version;
    let count = 0;
    while (count < this.#held.length && this.#held[count]!.version <= version) {
      released.push(this.#held[count]!.effect);
      count++;
    }
    if (count > 0) this.#held.splice(0, count);
    return count;
  }

  /**
   * The entity goes back to the snapshot `version`: the later ones will never be written, so what waits for them is
   * forgotten. Returns it.
   */
  forgetAfter(version: number): Effect[] {
    const kept = this.#held.filter((held) => held.version <= version);
    const forgotten = this.#held.filter((held) => held.version > version).map((held) => held.effect);
    this.#held = kept;
    this.#needed = Math.min(this.#needed, Math.max(version, this.#passed));
    return forgotten;
  }
}
