/**
 * Cluster time from what the store says: each answer gives an interval in which the difference between its clock and ours
 * must lie, as wide as the answer was slow. What several answers leave possible is narrower, so a slow answer, which says
 * little, moves nothing: deadlines keep their distance while the store has a bad moment. (Marzullo's idea, one source.)
 */

/** Two clocks may run apart by so much: quartz is good to 100 ppm, virtual machines are worse. */
const driftPerMs = 500e-6;
/** Stores tell whole milliseconds, rounded down. */
const grainMs = 1;

export class StoreClock {
  #fromMs = Number.NEGATIVE_INFINITY;
  #toMs = Number.POSITIVE_INFINITY;
  #atMs = 0;
  #offsetMs = Number.NaN;
  #leastMs = 0;

  get isKnown(): boolean {
    return !Number.isNaN(this.#offsetMs);
  }

  /** By the last answer the difference is at least so much: a time reckoned with it is not ahead of the store's. 0 at first. */
  get leastMs(): number {
    return this.#leastMs;
  }

  /**
   * The store said `storeMs` somewhere between two monotonic times of ours. Returns cluster time minus monotonic time: as
   * it was before, if that is still possible, else moved by no more than needed.
   */
  heard(storeMs: number, sentMs: number, receivedMs: number): number {
    const driftMs = (receivedMs - this.#atMs) * driftPerMs;
    const ownDriftMs = (receivedMs - sentMs) * driftPerMs;
    const fromMs = storeMs - receivedMs - ownDriftMs;
    const toMs = storeMs + grainMs - sentMs + ownDriftMs;
    const least = Math.max(this.#fromMs - driftMs, fromMs);
    const most = Math.min(this.#toMs + driftMs, toMs);
    this.#atMs = receivedMs;
    this.#leastMs = storeMs - receivedMs;
    if (Number.isNaN(this.#offsetMs) || least > most) {
      // The first answer, or somebody has set the clock of the store, or it is another machine now.
      this.#fromMs = fromMs;
      this.#toMs = toMs;
      this.#offsetMs = (this.#fromMs + this.#toMs) / 2;
    } else {
      this.#fromMs = least;
      this.#toMs = most;
      this.#offsetMs = Math.min(most, Math.max(least, this.#offsetMs));
    }
    return this.#offsetMs;
  }
}
