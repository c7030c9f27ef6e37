/**
 * Places: who holds one of the places that a counter has, such as the channels of a trunk. The value of the counter is the
 * number of its holders and nothing else, so it can neither drift nor go below zero: whoever takes twice has one place,
 * whoever gives back twice has none.
 */
import { limits } from '../limits.ts';

export interface Holder {
  /** The call, and of its INVITEs the one that asked: the same after a takeover. */
  readonly callId: string;
  readonly tag: string;
  /** Cluster time. */
  readonly sinceMs: number;
  /** Until then nobody doubts that the call still lives. Not packed. */
  sureUntilMs: number;
}

export type Taken = 'granted' | 'again' | 'full';

export class Places {
  readonly #holders = new Map<string, Holder>();
  #octets = 0;

  get size(): number {
    return this.#holders.size;
  }

  all(): Iterable<Holder> {
    return this.#holders.values();
  }

  find(callId: string, tag: string): Holder | undefined {
    return this.#holders.get(keyOf(callId, tag));
  }

  /** A place of `places`, once for each holder. */
  take(callId: string, tag: string, places: number, nowMs: number): Taken {
    const known = this.find(callId, tag);
    if (known !== undefined) {
      known.sureUntilMs = nowMs + limits.placeSureMs;
      return 'again';
    }
    if (this.size >= places || !this.#hasRoom(callId, tag)) return 'full';
    this.#add({ callId, tag, sinceMs: nowMs, sureUntilMs: nowMs + limits.placeSureMs });
    return 'granted';
  }

  /** Who has one says so: it is believed even if we have forgotten, and even if there are more than there should be then. */
  claim(callId: string, tag: string, nowMs: number): Exclude<Taken, 'full'> | undefined {
    const taken = this.take(callId, tag, Infinity, nowMs);
    return taken === 'full' ? undefined : taken;
  }

  /** False when it had none. */
  release(callId: string, tag: string): boolean {
    const known = this.#holders.delete(keyOf(callId, tag));
    if (known) this.#octets -= callId.length + tag.length;
    return known;
  }

  /** When somebody is to be doubted next, cluster time; Infinity: there is nobody. */
  nextDoubtMs(): number {
    let next = Infinity;
    for (const { sureUntilMs } of this.#holders.values()) if (sureUntilMs < next) next = sureUntilMs;
    return next;
  }

  pack(): unknown[] {
    return Array.from(this.#holders.values(), ({ callId, tag, sinceMs }) => [callId, tag, sinceMs]);
  }

  static unpack(rows: readonly unknown[], nowMs: number): Places {
    const places = new Places();
    for (const [callId, tag, sinceMs] of rows as [string, string, number][])
      places.#add({ callId, tag, sinceMs, sureUntilMs: nowMs + limits.placeSureMs });
    return places;
  }

  #hasRoom(callId: string, tag: string): boolean {
    return (
      this.size < limits.holdersPerCounterMax &&
      this.#octets + callId.length + tag.length <= limits.holderOctetsPerCounterMax
    );
  }

  #add(holder: Holder): void {
    this.#holders.set(keyOf(holder.callId, holder.tag), holder);
    this.#octets += holder.callId.length + holder.tag.length;
  }
}

/** No Call-ID has a blank in it. */
function keyOf(callId: string, tag: string): string {
  return `${callId} ${tag}`;
}
