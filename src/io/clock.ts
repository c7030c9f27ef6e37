/** The real clock. See `Clock` in src/outside.ts for what its two times mean. */
import type { Clock } from '../outside.ts';

/**
 * Monotonic time is the same for all threads of the process. Cluster time is the wall clock at start plus monotonic time,
 * moved by what the coordination store says: it does not jump when somebody sets this machine's clock. The offset lies in
 * shared memory, so the main thread corrects the clocks of all workers at once.
 */
export class SystemClock implements Clock {
  readonly #base: Float64Array<ArrayBufferLike>;

  /** Without `shared` a clock of its own, otherwise one that follows the clock whose `share()` it is. */
  constructor(shared?: SharedArrayBuffer) {
    this.#base = new Float64Array(shared ?? new SharedArrayBuffer(8));
    if (shared === undefined) this.#base[0] = Date.now() - this.monotonicMs();
  }

  monotonicMs(): number {
    return performance.now() + threadOffsetMs;
  }

  clusterMs(): number {
    return Math.floor(this.monotonicMs() + this.#base[0]!);
  }

  /** The store said `storeMs` somewhere between two monotonic times of ours; the error is at most half their distance. */
  adjust(storeMs: number, sentMonotonicMs: number, receivedMonotonicMs: number): void {
    this.#base[0] = storeMs - (sentMonotonicMs + receivedMonotonicMs) / 2;
  }

  /** Memory to hand to a worker thread: `new SystemClock(workerData.clock)`. */
  share(): SharedArrayBuffer {
    return this.#base.buffer as SharedArrayBuffer;
  }
}

/** `performance.now()` counts from the start of each thread; the high resolution time has one origin for all. */
const threadOffsetMs = measureOffset();

/**
 * The thread may lose the processor between two readings, and a worker whose clock is late would act for longer than its
 * node may. So the closest of several pairs of readings counts: off by at most half of what lay between them.
 */
function measureOffset(): number {
  let best = 0;
  let bestGapMs = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 32; attempt++) {
    const before = performance.now();
    const [seconds, nanoseconds] = process.hrtime();
    const after = performance.now();
    if (after - before >= bestGapMs) continue;
    bestGapMs = after - before;
    best = seconds * 1_000 + nanoseconds / 1e6 - (before + after) / 2;
  }
  return best;
}
