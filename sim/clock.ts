/** The clocks of simulated machines: each has its own start, its own speed and its own idea of the date. */
import type { NodeClock } from '../cluster/control-loop.ts';
import type { Clock } from '../src/outside.ts';
import type { Kernel } from './kernel.ts';

/** The true date when a world begins, and the clock of the store. */
export const worldStartMs = 1_800_000_000_000;

export class SimClock implements Clock, NodeClock {
  readonly #kernel: Kernel;
  readonly #startMs: number;
  readonly #rate: number;
  #baseMs: number;
  /** Told when the store has corrected it. */
  onAdjusted: (() => void) | undefined;

  /**
   * @param startMs what the monotonic clock shows when the world begins.
   * @param rate of this clock, near 1.
   * @param wrongByMs how wrong its date is, until the store corrects it.
   */
  constructor(kernel: Kernel, startMs: number, rate: number, wrongByMs: number) {
    this.#kernel = kernel;
    this.#startMs = startMs;
    this.#rate = rate;
    this.#baseMs = worldStartMs + kernel.nowMs + wrongByMs - this.monotonicMs();
  }

  monotonicMs(): number {
    return this.#startMs + this.#kernel.nowMs * this.#rate;
  }

  /** Time of the world when the monotonic clock shows this. */
  worldMs(monotonicMs: number): number {
    return (monotonicMs - this.#startMs) / this.#rate;
  }

  clusterMs(): number {
    return Math.floor(this.monotonicMs() + this.#baseMs);
  }

  adjust(storeMs: number, sentMonotonicMs: number, receivedMonotonicMs: number): void {
    this.#baseMs = storeMs - (sentMonotonicMs + receivedMonotonicMs) / 2;
    this.onAdjusted?.();
  }
}
