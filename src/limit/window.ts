/**
 * A sliding window: at most so many requests in any span of so many milliseconds, by the clock of whoever owns it. What is
 * lent in advance counts as used until the last moment at which it may be used, and a whole span after that: so in no span,
 * wherever it begins, more is used than allowed. The price: of a window that lends, what is lent and not used is refused early.
 */
import { limits } from '../limits.ts';

export interface Grant {
  /** 0: none is free. */
  readonly granted: number;
  /** What is not used at once may be used before this time, cluster time; of none: nothing is free before it. */
  readonly untilMs: number;
}

export class Window {
  readonly requests: number;
  readonly perMs: number;
  /** What was granted and when that is free again, in that order; those of one grain together. */
  readonly #used: { freeAtMs: number; count: number }[];
  #count = 0;

  constructor(requests: number, perMs: number, used: { freeAtMs: number; count: number }[] = []) {
    this.requests = requests;
    this.perMs = perMs;
    this.#used = used;
    for (const { count } of used) this.#count += count;
  }

  /** Another limit for the same name: what was used before stays used. */
  withLimit(requests: number, perMs: number): Window {
    const later = perMs - this.perMs;
    const used = this.#used.map(({ freeAtMs, count }) => ({ freeAtMs: freeAtMs + later, count }));
    return new Window(requests, perMs, used);
  }

  /** Of `wanted` as many as are free, but of those after the first at most a share: others may come. */
  take(wanted: number, nowMs: number): Grant {
    this.forget(nowMs);
    const free = this.requests - this.#count;
    if (free <= 0) return { granted: 0, untilMs: Math.min(this.nextFreeMs(), nowMs + limits.refusalMsMax) };
    const lent = Math.max(0, Math.min(wanted - 1, Math.floor(free / lentShare), Math.floor(this.requests / lentShare)));
    const lentMs = lent === 0 ? 0 : lentMsOf(this.perMs);
    if (lent > 0) this.#use(lent, nowMs + lentMs + limits.creditClockMs + this.perMs);
    this.#use(1, nowMs + this.perMs);
    return { granted: 1 + lent, untilMs: nowMs + lentMs };
  }

  /** Used or lent when somebody asked last. */
  get used(): number {
    return this.#count;
  }

  /** Used or lent now. */
  count(nowMs: number): number {
    this.forget(nowMs);
    return this.#count;
  }

  /** When the next one is free again, cluster time; 0: all are. */
  nextFreeMs(): number {
    return this.#used[0]?.freeAtMs ?? 0;
  }

  /** When all are free again, cluster time; 0: they are. */
  allFreeMs(): number {
    return this.#used.at(-1)?.freeAtMs ?? 0;
  }

  forget(nowMs: number): void {
    while (this.#used.length > 0 && this.#used[0]!.freeAtMs <= nowMs) this.#count -= this.#used.shift()!.count;
  }

  pack(): unknown[] {
    return [this.requests, this.perMs, this.#used.map(({ freeAtMs, count }) => [freeAtMs, count])];
  }

  static unpack(packed: readonly unknown[]): Window {
    const [requests, perMs, used] = packed as [number, number, [number, number][]];
    return new Window(
      requests,
      perMs,
      used.map(([freeAtMs, count]) => ({ freeAtMs, count })),
    );
  }

  /** Rounded up to a grain: a window remembers some hundred times, not each request. */
  #use(count: number, freeAtMs: number): void {
    const grainMs = Math.max(1, Math.floor(this.perMs / grains));
    const roundedMs = Math.ceil(freeAtMs / grainMs) * grainMs;
    this.#count += count;
    let index = this.#used.length;
    while (index > 0 && this.#used[index - 1]!.freeAtMs > roundedMs) index--;
    const before = this.#used[index - 1];
    if (before !== undefined && before.freeAtMs === roundedMs) before.count += count;
    else this.#used.splice(index, 0, { freeAtMs: roundedMs, count });
  }
}

/** One who asks gets at most this part of what is free, and of the limit. */
const lentShare = 20;
const grains = 100;

/** For how long credits are lent: a tenth of the span, and never long. */
function lentMsOf(perMs: number): number {
  return Math.min(limits.creditMsMax, Math.floor(perMs / 10));
}
