/**
 * What counters of other nodes have lent to this worker: requests that it may let through without asking, for a moment. It
 * asks for as many as it has needed in the last moment, so a name that is rarely used is asked for each time and exact.
 */
import { limits } from '../limits.ts';
import type { Permit } from '../routing/api.ts';

export interface Credits {
  /** Uses one; undefined: there is none, ask. */
  take(name: string, requests: number, perMs: number, nowMs: number): Permit | undefined;
  /** How many to ask for. */
  wanted(name: string, nowMs: number): number;
  lend(name: string, permit: Permit, perMs: number, count: number, untilMs: number): void;
}

interface Lent {
  requests: number;
  perMs: number;
  value: number;
  left: number;
  untilMs: number;
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
    if (lent.left === 0 || nowMs >= lent.untilMs || lent.requests !== requests || lent.perMs !== perMs)
      return undefined;
    lent.left--;
    return { granted: true, value: lent.value, limit: requests, retryAfterSeconds: 0 };
  }

  wanted(name: string, nowMs: number): number {
    const lent = this.#names.get(name);
    if (lent === undefined) {
      this.#forgetOne();
      this.#names.set(name, { requests: 0, perMs: 0, value: 0, left: 0, untilMs: 0, needed: 1, sinceMs: nowMs });
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

  /** @param count besides the one that was asked for. */
  lend(name: string, permit: Permit, perMs: number, count: number, untilMs: number): void {
    const lent = this.#names.get(name);
    if (lent === undefined || count <= 0) return;
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
