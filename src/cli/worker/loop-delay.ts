/**
 * How late the event loop of this thread is: the worst of the last second or two, for what sheds load, and all turns since
 * the thread began, for /metrics.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type DelayBuckets, delayBuckets } from '../delay-buckets.ts';

/** Where Node does not measure turns, each reading wakes the thread. */
const resolutionMs = 50;
const windowMs = 1_000;
/** Of the histogram of turns where Node does not measure them: it wakes the thread so often. */
const turnResolutionMs = 10;

/** Since 26.5 each turn of the loop is measured, without waking anybody; before it the option is ignored. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const measuresTurns = major > 26 || (major === 26 && minor >= 5);

/** Every turn of this thread's loop. Each thread needs one. */
export class LoopTurns {
  readonly #histogram = monitorEventLoopDelay({ samplePerIteration: true, resolution: turnResolutionMs });

  constructor() {
    this.#histogram.enable();
  }

  buckets(): DelayBuckets {
    return delayBuckets(this.#histogram, measuresTurns ? 0 : turnResolutionMs * 1e6);
  }
}

export class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ samplePerIteration: true, resolution: resolutionMs });
  readonly #turns = new LoopTurns();
  #lastMs = 0;

  constructor() {
    this.#histogram.enable();
    setInterval(() => {
      this.#lastMs = this.#worst();
      this.#histogram.reset();
    }, windowMs).unref();
  }

  worstMs(): number {
    return Math.max(this.#lastMs, this.#worst());
  }

  turns(): DelayBuckets {
    return this.#turns.buckets();
  }

  #worst(): number {
    return Math.max(0, Math.round(this.#histogram.max / 1e6) - (measuresTurns ? 0 : resolutionMs));
  }
}
