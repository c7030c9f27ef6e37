/**
 * The INVITE dialogs of a call (RFC 3261 12): enough to know that a request belongs to one, to list calls, and to know
 * when the call is over. Routing needs none of it: the route set travels in the messages.
 */
import { limits } from '../../src/limits.ts';
import { packReach, unpackReach } from './reach.ts';
import type { Reach } from './reach.ts';

export interface Dialog {
  /** Tag of the side that sent the INVITE. */
  readonly fromTag: string;
  readonly toTag: string;
  /** Addresses-of-record (or raw URIs) of caller and callee, for listings. */
  readonly from: string;
  readonly to: string;
  readonly startedAtMs: number;
  /** 0 while early. */
  answeredAtMs: number;
  /** How to reach the two sides when their Contacts do not lead to them (reach.ts). */
  fromReach: Reach | undefined;
  toReach: Reach | undefined;
}

export class Dialogs {
  readonly #all: Dialog[] = [];

  get size(): number {
    return this.#all.length;
  }

  all(): readonly Dialog[] {
    return this.#all;
  }

  /** The dialog of these two tags, whoever of the two is speaking. */
  find(tag: string, other: string): Dialog | undefined {
    for (const each of this.#all) {
      if ((each.fromTag === tag && each.toTag === other) || (each.fromTag === other && each.toTag === tag)) return each;
    }
    return undefined;
  }

  /** The dialog of this party if it has just one: for a BYE whose To tag is not quite right (SIPp keeps that of a 407). */
  onlyOneOf(tag: string): Dialog | undefined {
    const own = this.#all.filter((each) => each.fromTag === tag || each.toTag === tag);
    return own.length === 1 ? own[0] : undefined;
  }

  /** Forgets dialogs that began at or before `untilMs`, whose BYE never came by us. */
  removeOlder(untilMs: number): boolean {
    const before = this.#all.length;
    for (let i = this.#all.length - 1; i >= 0; i--)
      if ((this.#all[i]?.startedAtMs ?? 0) <= untilMs) this.#all.splice(i, 1);
    return this.#all.length !== before;
  }

  /** When the oldest dialog began, cluster time; 0 when there is none. */
  oldestMs(): number {
    let oldest = 0;
    for (const each of this.#all) if (oldest === 0 || each.startedAtMs < oldest) oldest = each.startedAtMs;
    return oldest;
  }

  /** False when the call has as many dialogs as it may (forks of a hostile callee). */
  add(dialog: Dialog): boolean {
    if (this.#all.length >= limits.dialogsPerCallMax) return false;
    this.#all.push(dialog);
    return true;
  }

  remove(dialog: Dialog): void {
    const index = this.#all.indexOf(dialog);
    if (index >= 0) this.#all.splice(index, 1);
  }

  /** The INVITE of `fromTag` ended: what never got past early is gone (12.3). */
  removeEarly(fromTag: string): boolean {
    const before = this.#all.length;
    for (let i = this.#all.length - 1; i >= 0; i--) {
      const each = this.#all[i];
      if (each !== undefined && each.fromTag === fromTag && each.answeredAtMs === 0) this.#all.splice(i, 1);
    }
    return this.#all.length !== before;
  }

  pack(): unknown[] {
    return this.#all.map((d) => [
      d.fromTag,
      d.toTag,
      d.from,
      d.to,
      d.startedAtMs,
      d.answeredAtMs,
      packReach(d.fromReach),
      packReach(d.toReach),
    ]);
  }

  static unpack(rows: readonly unknown[]): Dialogs {
    const dialogs = new Dialogs();
    for (const row of rows as [string, string, string, string, number, number, unknown, unknown][]) {
      const [fromTag, toTag, from, to, startedAtMs, answeredAtMs, fromWay, toWay] = row;
      const [fromReach, toReach] = [unpackReach(fromWay), unpackReach(toWay)];
      dialogs.#all.push({ fromTag, toTag, from, to, startedAtMs, answeredAtMs, fromReach, toReach });
    }
    return dialogs;
  }
}
