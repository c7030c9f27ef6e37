/**
 * The ticks of a node's main thread: only those that have something to do, by a clock's multiples of `limits.controlTickMs`, so
 * that what is due at about the same time wakes the thread once.
 */
import { limits } from '../../limits.ts';

export interface DueTickerPorts {
  tick(): void;
  /** When a tick next has something to do, by the clock of `nowMs`; infinite: not before `look` is called. */
  nextTickMs(): number;
  nowMs(): number;
}

export class DueTicker {
  readonly #ports: DueTickerPorts;
  #timer: NodeJS.Timeout | undefined;
  /** When it fires; infinite: there is none. */
  #atMs = Infinity;
  #hasEnded = false;

  constructor(ports: DueTickerPorts) {
    this.#ports = ports;
    this.look();
  }

  /** Something happened: what is due may be due sooner. */
  readonly look = (): void => {
    const nowMs = this.#ports.nowMs();
    const soonestMs = afterMs(nowMs);
    if (this.#hasEnded || this.#atMs <= soonestMs) return;
    const dueMs = this.#ports.nextTickMs();
    const atMs = dueMs <= soonestMs ? soonestMs : Math.ceil(dueMs / limits.controlTickMs) * limits.controlTickMs;
    if (atMs >= this.#atMs) return;
    clearTimeout(this.#timer);
    this.#atMs = atMs;
    // Timers count whole milliseconds, and fire a little early by the fine clock.
    this.#timer = setTimeout(this.#fired, Math.min(Math.ceil(atMs - nowMs) + 1, limits.timerMsMax));
  };

  stop(): void {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
  }

  readonly #fired = (): void => {
    // What the tick itself sets off is looked at when all of it is done.
    this.#atMs = -Infinity;
    this.#ports.tick();
    this.#atMs = Infinity;
    this.look();
  };
}

/** The next multiple. */
function afterMs(nowMs: number): number {
  return (Math.floor(nowMs / limits.controlTickMs) + 1) * limits.controlTickMs;
}
