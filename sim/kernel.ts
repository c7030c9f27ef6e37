/**
 * Time in the simulator: a heap of events ordered by (time, number). Every event belongs to an owner (a process, one of
 * its threads, a phone); the events of an owner that died are dropped, those of one that was stopped (SIGSTOP) wait.
 * The trace hash is over all events that ran, so that two runs of a seed can be compared.
 */
export class Owner {
  readonly name: string;
  readonly parent: Owner | undefined;
  /** The process. */
  readonly root: Owner;
  readonly hash: number;
  readonly #children: Owner[] = [];
  #isAlive = true;
  #isPaused = false;
  /** Called after each of its events. */
  after: (() => void) | undefined;
  readonly held: Event[] = [];

  constructor(name: string, parent?: Owner) {
    this.name = name;
    this.parent = parent;
    let hash = 0x811c9dc5;
    for (let index = 0; index < name.length; index++) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
    this.hash = hash;
    this.root = parent?.root ?? this;
    if (parent === undefined) return;
    parent.#children.push(this);
    this.#isAlive = parent.#isAlive;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Stopped are whole processes: a thread asks its process. */
  get isPaused(): boolean {
    return this.root.#isPaused;
  }

  /** And all its threads. */
  die(): void {
    this.#isAlive = false;
    this.held.length = 0;
    for (const child of this.#children) child.die();
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** Use Kernel.resume, which gives back what waited. */
  wake(): void {
    this.#isPaused = false;
  }
}

export interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly owner: Owner | undefined;
  readonly run: () => void;
}

export class Kernel {
  nowMs = 0;
  /** No further event is to run. */
  isHalted = false;
  /** Events that ran. */
  ran = 0;
  /** Told of every event that runs, just before: to find where two runs part. */
  watch: ((owner: Owner | undefined) => void) | undefined;
  #order = 0;
  #hash = 0x811c9dc5;
  /** A heap in which each event has four below it, and beside it the times, for fewer looks into memory. */
  readonly #heap: Event[] = [];
  readonly #times: number[] = [];

  /** `owner` undefined: the world itself. */
  at(delayMs: number, owner: Owner | undefined, run: () => void): void {
    this.#push({ atMs: this.nowMs + Math.max(0, delayMs), order: this.#order++, owner, run });
  }

  /** Runs everything up to a time. Stops early when it is halted, or `stop` says so. */
  run(untilMs: number, stop?: () => boolean): void {
    const times = this.#times;
    while (times.length > 0 && times[0]! <= untilMs) {
      const event = this.#pop();
      this.nowMs = event.atMs;
      const { owner } = event;
      if (owner !== undefined) {
        if (!owner.isAlive) continue;
        if (owner.isPaused) {
          owner.root.held.push(event);
          continue;
        }
        this.mix(owner.hash);
      }
      this.mix((event.atMs * 1024) | 0);
      this.ran++;
      if (this.watch !== undefined) this.watch(owner);
      event.run();
      if (owner?.after !== undefined) owner.after();
      if (this.isHalted || (stop !== undefined && stop())) return;
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  /** SIGCONT: what came due meanwhile happens now, in its old order. */
  resume(owner: Owner): void {
    owner.wake();
    for (const event of owner.held.splice(0)) this.#push({ ...event, atMs: this.nowMs, order: this.#order++ });
  }

  /** Anything that two runs of a seed must have in common. */
  mix(value: number): void {
    this.#hash = Math.imul(this.#hash ^ value, 0x01000193) ^ (this.#hash >>> 15);
  }

  mixBytes(bytes: Uint8Array): void {
    let hash = bytes.length;
    for (let index = 0; index < bytes.length; index += 7) hash = Math.imul(hash ^ bytes[index]!, 0x01000193);
    this.mix(hash);
  }

  /** Hash over all that happened. */
  get trace(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  /** The event is the newest of all: of those of its time it is the last. */
  #push(event: Event): void {
    const heap = this.#heap;
    const times = this.#times;
    const { atMs } = event;
    let index = heap.length;
    heap.push(event);
    times.push(atMs);
    while (index > 0) {
      const parent = (index - 1) >> 2;
      if (times[parent]! <= atMs) break;
      heap[index] = heap[parent]!;
      times[index] = times[parent]!;
      index = parent;
    }
    heap[index] = event;
    times[index] = atMs;
  }

  #pop(): Event {
    const heap = this.#heap;
    const times = this.#times;
    const first = heap[0]!;
    const last = heap.pop()!;
    const lastMs = times.pop()!;
    const { length } = heap;
    if (length === 0) return first;
    let index = 0;
    for (;;) {
      const from = index * 4 + 1;
      if (from >= length) break;
      const to = Math.min(from + 4, length);
      let least = from;
      let leastMs = times[from]!;
      for (let child = from + 1; child < to; child++) {
        const childMs = times[child]!;
        if (childMs > leastMs || (childMs === leastMs && heap[child]!.order > heap[least]!.order)) continue;
        least = child;
        leastMs = childMs;
      }
      if (leastMs > lastMs || (leastMs === lastMs && heap[least]!.order > last.order)) break;
      heap[index] = heap[least]!;
      times[index] = leastMs;
      index = least;
    }
    heap[index] = last;
    times[index] = lastMs;
    return first;
  }
}
