/**
 * Which nonce counts of which nonces one user has used: RFC 7616 3.3 and 5.12 against replayed credentials. One instance per user,
 * bounded in nonces and in counts; it is part of that user's snapshot, so a takeover does not open the door again.
 *
 * Per nonce a window of {@link limits.nonceCountWindow} counts below the highest seen, as in RFC 4303 3.4.3: phones with several
 * requests under way may deliver their counts out of order. Nonces pushed out by the bound, and all that were issued before
 * them, count as used.
 */
import assert from 'node:assert';
import { limits } from '../limits.ts';
import { issueTimeMs } from './nonce.ts';

/** `ok`: first use. `again`: the same request once more, a retransmission that the transaction did not absorb. `replay`: used up. */
export type Acceptance = 'ok' | 'again' | 'replay';

interface NonceUse {
  readonly nonce: string;
  readonly issuedAtMs: number;
  /** Highest count accepted; `usedUp` after a use without qop. */
  highest: number;
  /** Bit i of `low` is count highest - i, bit i of `high` is highest - 32 - i. */
  low: number;
  high: number;
  /** What was asked with the last few counts, newest first: [count, request identity]. */
  recent: (readonly [count: number, identity: string])[];
}

export class NonceWindows {
  #uses: NonceUse[] = [];
  /** Unlisted nonces issued at or before this time count as used. */
  #floorMs = -1;

  /**
   * Takes note that `requestIdentity` proved itself with count `nc` of `nonce`. `nc` is 1 to 2**32-1, or 0 for a client without qop, whose
   * nonce is then good for this one request only. Call it only with a nonce that is ours and fresh and a right response.
   */
  accept(nonce: string, nc: number, requestIdentity: string, nowMs: number): Acceptance {
    assert(Number.isInteger(nc) && nc >= 0 && nc < usedUp, 'a nonce count has 32 bits');
    for (const use of this.#uses) if (use.nonce === nonce) return useAgain(use, nc, requestIdentity);
    const issuedAtMs = issueTimeMs(nonce);
    if (issuedAtMs <= this.#floorMs) return 'replay';
    this.#makeRoom(nowMs);
    // Making room may just have moved the floor over this very nonce.
    if (issuedAtMs <= this.#floorMs) return 'replay';
    this.#uses.push({
      nonce,
      issuedAtMs,
      highest: nc === 0 ? usedUp : nc,
      low: 1,
      high: 0,
      recent: [[nc, requestIdentity]],
    });
    return 'ok';
  }

  /** How many nonces are remembered. */
  get size(): number {
    return this.#uses.length;
  }

  /** Positional arrays for the snapshot, without nonces that are too old to be accepted; `null` when there is nothing to remember. */
  pack(nowMs: number): unknown[] | null {
    this.#forgetOld(nowMs);
    if (this.#uses.length === 0 && this.#floorMs < nowMs - limits.nonceLifetimeMs) return null;
    return [
      schema,
      this.#floorMs,
      this.#uses.map((use) => [use.nonce, use.highest, use.low, use.high, use.recent.flat()]),
    ];
  }

  /** For a judge who does not know what was used before `floorMs`: nonces issued up to then count as used. */
  static startingAt(floorMs: number): NonceWindows {
    const windows = new NonceWindows();
    windows.#floorMs = floorMs;
    return windows;
  }

  static unpack(packed: readonly unknown[] | null): NonceWindows {
    const windows = new NonceWindows();
    if (packed === null) return windows;
    const [version, floorMs, uses] = packed as [
      number,
      number,
      [string, number, number, number, (number | string)[]][],
    ];
    assert.strictEqual(version, schema, 'snapshot of nonce windows has an unknown schema');
    windows.#floorMs = floorMs;
    for (const [nonce, highest, low, high, flat] of uses) {
      const recent: [number, string][] = [];
      for (let at = 0; at + 1 < flat.length; at += 2) recent.push([Number(flat[at]), String(flat[at + 1])]);
      windows.#uses.push({ nonce, issuedAtMs: issueTimeMs(nonce), highest, low, high, recent });
    }
    return windows;
  }

  #makeRoom(nowMs: number): void {
    if (this.#uses.length < limits.noncesPerUserMax) return;
    this.#forgetOld(nowMs);
    while (this.#uses.length >= limits.noncesPerUserMax) {
      let oldest = 0;
      for (let at = 1; at < this.#uses.length; at += 1) {
        if (this.#uses[at]!.issuedAtMs < this.#uses[oldest]!.issuedAtMs) oldest = at;
      }
      this.#floorMs = Math.max(this.#floorMs, this.#uses[oldest]!.issuedAtMs);
      this.#uses.splice(oldest, 1);
    }
  }

  /** A nonce past its lifetime is refused as stale before anybody asks here, whatever it was used for. */
  #forgetOld(nowMs: number): void {
    const earliestMs = nowMs - limits.nonceLifetimeMs;
    let kept = 0;
    for (const use of this.#uses) {
      if (use.issuedAtMs < earliestMs) continue;
      this.#uses[kept] = use;
      kept += 1;
    }
    this.#uses.length = kept;
  }
}

const schema = 1;
/** Above every count of 32 bits: nothing is left of this nonce. */
const usedUp = 2 ** 32;

function useAgain(use: NonceUse, nc: number, requestIdentity: string): Acceptance {
  for (const [count, identity] of use.recent) {
    if (count === nc && identity === requestIdentity) return 'again';
  }
  if (nc === 0 || use.highest === usedUp) return 'replay';
  if (nc > use.highest) {
    shift(use, nc - use.highest);
    use.highest = nc;
  } else {
    const back = use.highest - nc;
    if (back >= limits.nonceCountWindow) return 'replay';
    const mask = 1 << (back % 32);
    if (((back < 32 ? use.low : use.high) & mask) !== 0) return 'replay';
    if (back < 32) use.low |= mask;
    else use.high |= mask;
  }
  use.recent.unshift([nc, requestIdentity]);
  if (use.recent.length > limits.nonceIdentitiesMax) use.recent.pop();
  return 'ok';
}

/** Moves the window up by `by` counts and marks the new highest as used. Shifts of 32 and more do not exist in 32-bit arithmetic. */
function shift(use: NonceUse, by: number): void {
  if (by >= 64) {
    use.high = 0;
    use.low = 0;
  } else if (by >= 32) {
    use.high = by === 32 ? use.low : use.low << (by - 32);
    use.low = 0;
  } else {
    use.high = (use.high << by) | (use.low >>> (32 - by));
    use.low <<= by;
  }
  use.low |= 1;
}

assert(limits.nonceCountWindow === 64, 'the window is two words of 32 bits');
