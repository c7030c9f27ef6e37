/**
 * Chance from a seed: sfc32, and named streams of it. A part of the world draws from its own stream, so that taking one
 * fault away does not change what the phones do.
 */
export class Stream {
  #a: number;
  #b: number;
  #c: number;
  #count = 1;

  constructor(seed: number, name: string) {
    let hash = 0x811c9dc5;
    for (let index = 0; index < name.length; index++) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
    this.#a = seed | 0;
    this.#b = hash | 0;
    this.#c = Math.floor(seed / 2 ** 32) | 0;
    for (let round = 0; round < 12; round++) this.u32();
  }

  u32(): number {
    const sum = (this.#a + this.#b + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }

  /** In [0, 1). */
  fraction(): number {
    return this.u32() / 2 ** 32;
  }

  between(low: number, high: number): number {
    return low + this.fraction() * (high - low);
  }

  /** A whole number from `low` up to and with `high`. */
  int(low: number, high: number): number {
    return low + Math.floor(this.fraction() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** @throws when there is nothing to pick from. */
  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new RangeError('nothing to pick from');
    return from[Math.floor(this.fraction() * from.length)]!;
  }

  bytes(lengthBytes: number): Buffer {
    const bytes = Buffer.allocUnsafe(lengthBytes);
    for (let index = 0; index < lengthBytes; index++) bytes[index] = this.u32() >>> 24;
    return bytes;
  }
}

export class Chance {
  readonly seed: number;
  readonly #streams = new Map<string, Stream>();

  constructor(seed: number) {
    this.seed = seed;
  }

  stream(name: string): Stream {
    let stream = this.#streams.get(name);
    if (stream === undefined) this.#streams.set(name, (stream = new Stream(this.seed, name)));
    return stream;
  }
}
