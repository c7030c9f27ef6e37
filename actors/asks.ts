/**
 * The questions of a partition's entities to other entities that wait for their answers: repeated until answered or given
 * up. Nothing of this is in a snapshot; ids are never used twice, so a late answer finds nobody and is dropped.
 */
import { limits } from '../src/limits.ts';
import type { Address } from './entity.ts';
import type { Envelope } from './envelope.ts';
import type { Slot } from './slot.ts';
import { Scheduled, type Wheel } from './wheel.ts';

export interface AsksOwner {
  post(envelope: Envelope): void;
  /** Given up: the entity is to hear `ask-failed`. */
  askExpired(slot: Slot, id: number): void;
}

export class Asks {
  readonly #wheel: Wheel;
  readonly #owner: AsksOwner;
  readonly #waiting = new Map<number, WaitingAsk>();

  constructor(wheel: Wheel, owner: AsksOwner) {
    this.#wheel = wheel;
    this.#owner = owner;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** The entity has asked, but its gate may hold the question back: it is not sent, and no time runs, before `start`. */
  add(slot: Slot, id: number, to: Address, body: unknown, isOnce = false): void {
    const asker = { kind: slot.table.kind, key: slot.key, id };
    this.#waiting.set(id, new WaitingAsk(slot, { to, type: 'ask', asker, body }, isOnce, this));
  }

  /** Nothing happens when the ask was cancelled meanwhile. */
  start(id: number, nowMs: number): void {
    const ask = this.#waiting.get(id);
    if (ask === undefined) return;
    ask.deadlineMs = nowMs + (ask.isOnce ? limits.askOnceTimeoutMs : limits.askTimeoutMs);
    this.#wheel.schedule(ask, ask.isOnce ? ask.deadlineMs : nowMs + limits.askRetryMs);
    this.#owner.post(ask.envelope);
  }

  /** Whether this entity waited for this answer; it does not any longer. */
  settle(id: number, slot: Slot): boolean {
    const ask = this.#waiting.get(id);
    if (ask === undefined || ask.slot !== slot) return false;
    this.cancel(id);
    return true;
  }

  cancel(id: number): void {
    const ask = this.#waiting.get(id);
    if (ask === undefined) return;
    this.#wheel.cancel(ask);
    this.#waiting.delete(id);
  }

  /** Called by the timer of the ask. */
  due(ask: WaitingAsk, nowMs: number): void {
    if (nowMs >= ask.deadlineMs) {
      this.#waiting.delete(ask.envelope.asker.id);
      this.#owner.askExpired(ask.slot, ask.envelope.asker.id);
      return;
    }
    this.#wheel.schedule(ask, Math.min(nowMs + limits.askRetryMs, ask.deadlineMs));
    this.#owner.post(ask.envelope);
  }
}

class WaitingAsk extends Scheduled {
  readonly slot: Slot;
  readonly envelope: Extract<Envelope, { type: 'ask' }>;
  readonly isOnce: boolean;
  readonly #asks: Asks;
  deadlineMs = 0;

  constructor(slot: Slot, envelope: Extract<Envelope, { type: 'ask' }>, isOnce: boolean, asks: Asks) {
    super();
    this.isOnce = isOnce;
    this.slot = slot;
    this.envelope = envelope;
    this.#asks = asks;
  }

  due(nowMs: number): void {
    this.#asks.due(this, nowMs);
  }
}

/** Takes the number of a question off a list; false when it is not there. */
export function forgetAsk(ids: number[], id: number): boolean {
  const index = ids.indexOf(id);
  return index >= 0 && ids.splice(index, 1).length === 1;
}
