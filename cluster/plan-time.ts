/**
 * When a node plans the next table. Most news come to all members at once, and of several who plan by the same news all but
 * one plan in vain and read the table of that one: so whoever stored the table goes on, and the others look a little later
 * whether something is left to do.
 */
import { limits } from '../src/limits.ts';

export class PlanTime {
  isDue = false;
  #lastMs = -Infinity;
  #laterMs = Infinity;
  #isTableOurs = false;

  now(): void {
    this.isDue = true;
  }

  /** `ours`: this node stored it. */
  adopted(ours: boolean, nowMs: number): void {
    this.#isTableOurs = ours;
    this.soon(nowMs);
  }

  /** There is news that every member has. */
  soon(nowMs: number): void {
    if (this.#isTableOurs) this.isDue = true;
    else this.#laterMs = nowMs + limits.planAfterOthersMs;
  }

  tick(nowMs: number): void {
    if (nowMs >= this.#laterMs || nowMs - this.#lastMs >= limits.planRepeatMs) this.isDue = true;
  }

  /** When `tick` next has something to do. */
  nextTickMs(): number {
    return this.isDue ? -Infinity : Math.min(this.#laterMs, this.#lastMs + limits.planRepeatMs);
  }

  begun(nowMs: number): void {
    this.isDue = false;
    this.#lastMs = nowMs;
    this.#laterMs = Infinity;
  }
}
