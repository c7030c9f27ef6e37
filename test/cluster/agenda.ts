/** A clock that jumps from one job to the next, and a seeded source of chance: the ground of a model world. */

interface Entry {
  readonly atMs: number;
  /** Jobs of one moment run in the order in which they were asked for. */
  readonly order: number;
  readonly job: () => void;
}

export class Agenda {
  nowMs = 0;
  readonly random: () => number;
  readonly #heap: Entry[] = [];
  #order = 0;

  constructor(seed: number) {
    this.random = randomFrom(seed);
  }

  between(low: number, high: number): number {
    return low + this.random() * (high - low);
  }

  at(delayMs: number, job: () => void): void {
    const heap = this.#heap;
    heap.push({ atMs: this.nowMs + delayMs, order: this.#order++, job });
    for (let i = heap.length - 1; i > 0;) {
      const parent = (i - 1) >> 1;
      if (!sooner(heap[i]!, heap[parent]!)) break;
      [heap[i], heap[parent]] = [heap[parent]!, heap[i]!];
      i = parent;
    }
  }

  run(untilMs: number): void {
    while (this.#heap.length > 0 && this.#heap[0]!.atMs <= untilMs) {
      const { atMs, job } = this.#takeFirst();
      this.nowMs = atMs;
      job();
    }
    this.nowMs = untilMs;
  }

  #takeFirst(): Entry {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    heap[0] = last;
    for (let i = 0; ;) {
      let child = 2 * i + 1;
      if (child >= heap.length) return first;
      if (child + 1 < heap.length && sooner(heap[child + 1]!, heap[child]!)) child++;
      if (!sooner(heap[child]!, heap[i]!)) return first;
      [heap[i], heap[child]] = [heap[child]!, heap[i]!];
      i = child;
    }
  }
}

/** mulberry32: small, seeded, good enough to choose faults. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function sooner(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
