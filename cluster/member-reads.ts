/** When a node reads from the store who is a member: usually as often as it renews its lease, and often after a link broke. */
import { limits } from '../src/limits.ts';
import type { Roster } from './roster.ts';
import type { Done } from './store-calls.ts';

export interface MemberReadsPorts {
  ask(done: Done<'members'>): void;
  /** Somebody came, went or died. */
  news(): void;
}

export class MemberReads {
  readonly #roster: Roster;
  readonly #usualMs: number;
  readonly #ports: MemberReadsPorts;
  #lastMs = -Infinity;
  #oftenUntilMs = -Infinity;
  #isReading = false;

  constructor(roster: Roster, usualMs: number, ports: MemberReadsPorts) {
    this.#roster = roster;
    this.#usualMs = usualMs;
    this.#ports = ports;
  }

  /** `renews`: a renewal of the lease is on its way to the store, and what goes with it wakes nobody besides. */
  tick(nowMs: number, renews: boolean): void {
    if (nowMs >= this.nextTickMs() || (renews && nowMs - this.#lastMs >= this.#usualMs / 2)) this.now(nowMs);
  }

  /** When `tick` next has something to do. */
  nextTickMs(): number {
    if (this.#isReading) return Infinity;
    const oftenMs = this.#lastMs + limits.membersFastPollMs;
    return oftenMs < this.#oftenUntilMs ? oftenMs : this.#lastMs + this.#usualMs + limits.controlRetryMs;
  }

  /** A supervisor may be about to say that somebody is dead: look at once and often. */
  often(nowMs: number): void {
    this.#oftenUntilMs = nowMs + limits.membersFastPollForMs;
    this.now(nowMs);
  }

  now(nowMs: number): void {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#lastMs = nowMs;
    this.#ports.ask((reply) => {
      this.#isReading = false;
      if (reply !== undefined && this.#roster.read(reply.result)) this.#ports.news();
    });
  }
}
