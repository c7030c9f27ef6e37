/** How late the event loop of this thread is: the worst of the last second or two. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Each reading wakes the thread. */
const resolutionMs = 50;
const windowMs = 1_000;

export class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: resolutionMs });
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

  #worst(): number {
    return Math.max(0, Math.round(this.#histogram.max / 1e6) - resolutionMs);
  }
}
