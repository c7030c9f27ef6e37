/** Says once that writes to the store fail and once that they work again, however many fail in between. */
import { limits } from '../src/limits.ts';
import type { Clock, Log } from '../src/outside.ts';

export class StoreTrouble {
  readonly #log: Log;
  readonly #clock: Clock;
  #failures = 0;
  #lastMs = 0;
  #code = '';

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** @param error with a sentence for people */
  failed(error: { readonly code: string; readonly message: string }): void {
    this.#failures++;
    this.#lastMs = this.#clock.monotonicMs();
    if (error.code === this.#code) return;
    this.#code = error.code;
    this.#log.write('error', 'store-failing', { code: error.code, message: error.message });
  }

  /** A write has worked. On a full disk a small one does so every now and then: that is not the end yet. */
  worked(): void {
    if (this.#failures === 0 || this.#clock.monotonicMs() - this.#lastMs < limits.storeTroubleOverMs) return;
    this.#log.write('info', 'store-works-again', { failures: this.#failures });
    this.#failures = 0;
    this.#code = '';
  }
}
