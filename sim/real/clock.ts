/** Time of the machine where the simulator has a kernel: milliseconds since the world began, and timers. */
import type { Kernel } from '../kernel.ts';

export class RealKernel implements Pick<Kernel, 'nowMs' | 'at'> {
  /** How late our own timers were lately: the machine is busy, and the nodes share it. */
  lateMs = 0;
  lateMsMax = 0;
  #startMs = performance.now();
  readonly #firstMs: number;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #onError: (error: unknown) => void;
  readonly #meter: NodeJS.Timeout;

  /** @param firstMs what the clock shows when the world begins. */
  constructor(onError: (error: unknown) => void, firstMs: number) {
    this.#onError = onError;
    this.#firstMs = firstMs;
    let lastMs = performance.now();
    this.#meter = setInterval(() => {
      const nowMs = performance.now();
      this.lateMs = Math.max(nowMs - lastMs - meterMs, this.lateMs * 0.98);
      this.lateMsMax = Math.max(this.lateMsMax, this.lateMs);
      lastMs = nowMs;
    }, meterMs);
  }

  get nowMs(): number {
    return performance.now() - this.#startMs + this.#firstMs;
  }

  /** The world begins now. */
  start(): void {
    this.#startMs = performance.now();
  }

  at(delayMs: number, _owner: unknown, run: () => void): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        this.attempt(run);
      },
      Math.max(0, delayMs),
    );
    this.#timers.add(timer);
  }

  /** What goes wrong in it belongs to the world and not to the event loop. */
  attempt(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#onError(error);
    }
  }

  stop(): void {
    clearInterval(this.#meter);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}

const meterMs = 20;
