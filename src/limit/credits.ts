/**
 * What counters of other nodes have lent to this worker: requests that it may let through without asking, for a moment. It
 * asks for as many as it has needed in the last moment, so a name that is rarely used is asked for each time and exact.
 */
import { limits } from '../limits.ts';
import type { Permit } from '../routing/api.ts';

export interface Credits {
  /** Uses one, or refuses because nobody has one yet; undefined: nothing is known, ask. */
  take(name: string, requests: number, perMs: number, nowMs: number): Permit | undefined;
  /** How many to ask for. */
  wanted(name: string, nowMs: number): number;
  /** What the counter has answered: how many besides the one that was asked for, and until when, or that there is none till then. */
  lend(name: string, permit: Permit, perMs: number, count: number, untilMs: number): void;
}

interface Lent {
  requests: number;
  perMs: number;
  value: number;
  left: number;
  untilMs: number;
  /** Nothing is free before it. */
  noneUntilMs: number;
  retryAfterSeconds: number;
  /** Requests since then. */
  needed: number;
  sinceMs: number;
}

export class LentCredits implements Credits {
  readonly #names = new Map<string, Lent>();

  take(name: string, requests: number, perMs: number, nowMs: number): Permit | undefined {
    const lent = this.#names.get(name);
    if (lent === undefined) return undefined;
    lent.needed++;
    if (lent.requests !== requests || lent.perMs !== perMs) return undefined;
    if (nowMs < lent.noneUntilMs) {
      const { value, retryAfterSeconds } = lent;
      return { granted: false, value, limit: requests, retryAfterSeconds };
    }
    if (nowMs >= lent.untilMs) lent.left = 0;
    if (lent.left === 0) return undefined;
    lent.left--;
    return { granted: true, value: lent.value, limit: requests, retryAfterSeconds: 0 };
  }

  wanted(name: string, nowMs: number): number {
    const lent = this.#names.get(name);
    if (lent === undefined) {
      this.#forgetOne();
      this.#names.set(name, {
        requests: 0,
        perMs: 0,
        value: 0,
        left: 0,
        untilMs: 0,
        noneUntilMs: 0,
        retryAfterSeconds: 0,
        needed: 1,
        sinceMs: nowMs,
      });
      return 1;
    }
    const spanMs = Math.max(1, nowMs - lent.sinceMs);
    const wanted = Math.ceil((lent.needed * limits.creditMsMax) / Math.max(spanMs, limits.creditMsMax));
    if (spanMs >= limits.creditMsMax) {
      lent.needed = 0;
      lent.sinceMs = nowMs;
    }
    return Math.max(1, Math.min(wanted, limits.creditsMax));
  }

  lend(name: string, permit: Permit, perMs: number, count: number, untilMs: number): void {
    const lent = this.#names.get(name);
    if (lent === undefined) return;
    if (!permit.granted) {
      lent.left = 0;
      lent.noneUntilMs = untilMs;
      lent.retryAfterSeconds = permit.retryAfterSeconds;
      lent.requests = permit.limit;
      lent.perMs = perMs;
      lent.value = permit.value;
      return;
    }
    if (count <= 0) return;
    // Of two loans the later one counts, with what is left of both: neither may be used after the time of the earlier one.
    const both = lent.left > 0 && lent.requests === permit.limit && lent.perMs === perMs;
    lent.left = both ? lent.left + count : count;
    lent.untilMs = both ? Math.min(lent.untilMs, untilMs) : untilMs;
    lent.requests = permit.limit;
    lent.perMs = perMs;
    lent.value = permit.value;
  }

  /** The one that was learned of first: names come and go. */
  #forgetOne(): void {
    if (this.#names.size < limits.creditNamesPerWorkerMax) return;
    for (const name of this.#names.keys()) return void this.#names.delete(name);
  }
}
