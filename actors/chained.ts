/**
 * Things by their keys, as a Map of them that takes a third of its room and looks at less memory: each thing knows the next one
 * of its chain. A key that was read from a packet is a new text, which a Map would first look up in V8's table of all texts.
 */

import { textHash } from './text-hash.ts';

export interface Link {
  readonly key: string;
  /** The next one of its chain; of the table only. */
  nextOfChain: this | undefined;
}

export class Chained<Thing extends Link> {
  /** The first ones; a power of two of them. */
  #chains: (Thing | undefined)[] = noChains;
  #size = 0;
  readonly #seed: number;

  /** @param seed textHash */
  constructor(seed: number) {
    this.#seed = seed;
  }

  get size(): number {
    return this.#size;
  }

  get(key: string): Thing | undefined {
    const chains = this.#chains;
    let thing = chains[textHash(key, this.#seed) & (chains.length - 1)];
    while (thing !== undefined && thing.key !== key) thing = thing.nextOfChain;
    return thing;
  }

  /** One whose key is not there yet. */
  add(thing: Thing): void {
    if (this.#size >= this.#chains.length || this.#chains === noChains) this.#grow();
    this.#enter(thing);
    this.#size++;
  }

  /** One that is there. */
  delete(thing: Thing): void {
    const chains = this.#chains;
    const at = textHash(thing.key, this.#seed) & (chains.length - 1);
    let before: Thing | undefined;
    let each = chains[at];
    while (each !== undefined && each !== thing) {
      before = each;
      each = each.nextOfChain;
    }
    if (each === undefined) return;
    if (before === undefined) chains[at] = thing.nextOfChain;
    else before.nextOfChain = thing.nextOfChain;
    thing.nextOfChain = undefined;
    this.#size--;
  }

  clear(): void {
    this.#chains = noChains;
    this.#size = 0;
  }

  /** In no order. What is added meanwhile may be left out. */
  *values(): Iterable<Thing> {
    for (const first of this.#chains)
      for (let thing = first; thing !== undefined;) {
        const next: Thing | undefined = thing.nextOfChain;
        yield thing;
        thing = next;
      }
  }

  #grow(): void {
    const chains = this.#chains;
    this.#chains = new Array<Thing | undefined>(Math.max(chainsMin, chains.length * 2)).fill(undefined);
    for (const first of chains)
      for (let thing = first; thing !== undefined;) {
        const next: Thing | undefined = thing.nextOfChain;
        this.#enter(thing);
        thing = next;
      }
  }

  #enter(thing: Thing): void {
    const at = textHash(thing.key, this.#seed) & (this.#chains.length - 1);
    thing.nextOfChain = this.#chains[at];
    this.#chains[at] = thing;
  }
}

/** Of all that are empty. */
const noChains: undefined[] = [undefined];
const chainsMin = 2;
