/**
 * The ticks of a worker: one every `limits.timerTickMs` while something goes on. When nothing has come in for a while, only
 * those that have something to do, and one every `limits.idleTickMs`, since the clock may be corrected.
 */
import { limits } from '../../limits.ts';

export interface TickerPorts {
  tick(): void;
  /** When a tick next has something to do, by the clock of `nowMs`. */
  nextTickMs(): number;
  nowMs(): number;
}

export class Ticker {
  readonly #ports: TickerPorts;
  #timer: NodeJS.Timeout;
  #isResting = false;
  #quietTicks = 0;

  constructor(ports: TickerPorts) {
    this.#ports = ports;
    this.#timer = setInterval(this.#tick, limits.timerTickMs);
  }

  /** Something came in, which may be due soon. */
  heard(): void {
    this.#quietTicks = 0;
    if (!this.#isResting) return;
    clearTimeout(this.#timer);
    this.#isResting = false;
    this.#timer = setInterval(this.#tick, limits.timerTickMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  readonly #tick = (): void => {
    this.#ports.tick();
    this.#quietTicks++;
    if (!this.#isResting && this.#quietTicks < quietTicksMin) return;
    const waitMs = Math.min(this.#ports.nextTickMs() - this.#ports.nowMs(), limits.idleTickMs);
    if (waitMs <= limits.timerTickMs) return this.#isResting ? this.heard() : undefined;
    clearTimeout(this.#timer);
    this.#isResting = true;
    this.#timer = setTimeout(this.#tick, waitMs);
  };
}

/** To look when the next tick matters costs as much as some ticks. */
const quietTicksMin = 8;
