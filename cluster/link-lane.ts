/** Items of one priority that wait for a link (link-session.ts), gathered into frames of about `linkDataFrameBytesAim`. */
import { limits } from '../src/limits.ts';
import { DataWriter } from './data-frame.ts';
import type { Target } from './data-frame.ts';

interface Full {
  readonly frame: Buffer;
  readonly items: number;
}

export class Lane {
  #writer = new DataWriter();
  /** Finished frames; those below `#taken` are gone. */
  #full: Full[] = [];
  #taken = 0;
  #fullBytes = 0;
  #fullItems = 0;

  get bytes(): number {
    return this.#fullBytes + (this.#writer.isEmpty ? 0 : this.#writer.length);
  }

  get items(): number {
    return this.#fullItems + this.#writer.items;
  }

  add(target: Target, payload: Uint8Array): void {
    if (!this.#writer.hasRoomFor(payload.length)) this.#finish();
    this.#writer.add(target, payload);
    if (this.#writer.length >= limits.linkDataFrameBytesAim || this.#writer.items >= frameItemsMax) this.#finish();
  }

  /** What `take` would give; only when there is something. */
  first(): { readonly bytes: number; readonly items: number } {
    const full = this.#full[this.#taken];
    return full === undefined
      ? { bytes: this.#writer.length, items: this.#writer.items }
      : { bytes: full.frame.length, items: full.items };
  }

  /** The oldest frame; only when there is something. */
  take(): Full {
    const full = this.#full[this.#taken];
    if (full === undefined) {
      const { items } = this.#writer;
      return { frame: this.#writer.take(), items };
    }
    this.#fullBytes -= full.frame.length;
    this.#fullItems -= full.items;
    // Given free now and then as a whole: with thousands of frames waiting, a shift of all for each would not end.
    if (++this.#taken * 2 > this.#full.length) {
      this.#full = this.#full.slice(this.#taken);
      this.#taken = 0;
    }
    return full;
  }

  clear(): void {
    this.#writer.clear();
    this.#full = [];
    this.#taken = 0;
    this.#fullBytes = 0;
    this.#fullItems = 0;
  }

  #finish(): void {
    if (this.#writer.isEmpty) return;
    const { items } = this.#writer;
    const frame = this.#writer.take();
    this.#full.push({ frame, items });
    this.#fullBytes += frame.length;
    this.#fullItems += items;
  }
}

/** So that several frames fit into the window for items. */
const frameItemsMax = limits.linkWindowItems / 8;
