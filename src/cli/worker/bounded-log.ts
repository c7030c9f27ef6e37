/**
 * Strangers decide how often some events happen. Of each such event at most `limits.logLinesPerEventPerSecondMax` lines are
 * written in a second; the counters tell the rest, and a line says how many were left out.
 */
import { limits } from '../../limits.ts';
import type { Clock, Log, LogLevel } from '../../outside.ts';

export class BoundedLog implements Log {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #written = new Map<string, number>();
  #second = 0;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  write(level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void {
    const second = Math.floor(this.#clock.monotonicMs() / 1_000);
    if (second !== this.#second) this.#newSecond(second);
    const written = (this.#written.get(event) ?? 0) + 1;
    this.#written.set(event, written);
    if (written <= limits.logLinesPerEventPerSecondMax) this.#log.write(level, event, fields);
  }

  #newSecond(second: number): void {
    this.#second = second;
    for (const [event, written] of this.#written) {
      const leftOut = written - limits.logLinesPerEventPerSecondMax;
      if (leftOut > 0) this.#log.write('warn', 'log-lines-left-out', { of: event, lines: leftOut });
    }
    this.#written.clear();
  }
}
