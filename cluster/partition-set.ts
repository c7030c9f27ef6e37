/** A set of partitions that is walked through in ascending order, whatever the order in which they came. */
export class PartitionSet {
  readonly #words: Int32Array;
  readonly #partitions: number;

  constructor(partitions: number) {
    this.#partitions = partitions;
    this.#words = new Int32Array((partitions + 31) >>> 5);
  }

  add(partition: number): void {
    this.#words[partition >>> 5]! |= 1 << (partition & 31);
  }

  delete(partition: number): void {
    this.#words[partition >>> 5]! &= ~(1 << (partition & 31));
  }

  addAll(): void {
    this.#words.fill(-1);
    const rest = this.#partitions & 31;
    if (rest !== 0) this.#words[this.#words.length - 1] = (1 << rest) - 1;
  }

  /** The first one that is not before `from`, or -1: `for (let p = set.next(0); p >= 0; p = set.next(p + 1))`. */
  next(from: number): number {
    let index = from >>> 5;
    if (index >= this.#words.length) return -1;
    let word = this.#words[index]! & (-1 << (from & 31));
    while (word === 0) {
      if (++index >= this.#words.length) return -1;
      word = this.#words[index]!;
    }
    return (index << 5) + 31 - Math.clz32(word & -word);
  }
}
