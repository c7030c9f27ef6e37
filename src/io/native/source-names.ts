/** The text of the addresses that packets come from, made once for each as long as it is not forgotten. */
import { limits } from '../../limits.ts';
import type { Addon } from './addon.ts';

/** Words of an address in the words of a packet. */
const firstWord = 3;
const addressWords = 5;

/** Each address has one place; another one that has the same takes it. Who forges addresses gains nothing but that. */
export class SourceNames {
  readonly #addon: Addon;
  readonly #isIPv6: boolean;
  readonly #words: Uint32Array;
  readonly #names: string[] = [];
  readonly #places: number;

  /** @param places a power of two */
  constructor(addon: Addon, isIPv6: boolean, places: number = limits.datagramSourcesMax) {
    this.#addon = addon;
    this.#isIPv6 = isIPv6;
    this.#places = places;
    this.#words = new Uint32Array(places * addressWords);
    for (let i = 0; i < places; i++) this.#names.push('');
  }

  /** Of the packet whose words begin at `at`. */
  name(shared: Uint32Array, at: number): string {
    const from = at + firstWord;
    let mixed = 0;
    for (let i = 0; i < addressWords; i++) mixed = Math.imul(mixed ^ shared[from + i]!, 0x9e3779b1);
    const place = (mixed ^ (mixed >>> 15)) & (this.#places - 1);
    const known = this.#names[place]!;
    return known !== '' && this.#isSame(shared, from, place) ? known : this.#learn(shared, at, place);
  }

  #isSame(shared: Uint32Array, from: number, place: number): boolean {
    const words = this.#words;
    const own = place * addressWords;
    for (let i = 0; i < addressWords; i++) if (words[own + i] !== shared[from + i]) return false;
    return true;
  }

  #learn(shared: Uint32Array, at: number, place: number): string {
    const packet = shared.slice(at, at + this.#addon.words);
    const name = this.#addon.format(packet, this.#isIPv6);
    this.#words.set(packet.subarray(firstWord, firstWord + addressWords), place * addressWords);
    this.#names[place] = name;
    return name;
  }
}
