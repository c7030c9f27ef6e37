/** Operations asked of the store and not yet answered. */
import { limits } from '../src/limits.ts';
import type { Times } from '../src/limits.ts';
import type { ControlEffect, StoreOperation, StoreResult } from './control-types.ts';
import type { CoordinationStore } from './store-ports.ts';

/** Undefined: refused, lost or too late, so the operation may or may not have happened. */
export type Reply<O extends StoreOperation> = { readonly result: ReturnType<CoordinationStore[O]> } | undefined;

export type Done<O extends StoreOperation> = (reply: Reply<O>, nowMs: number) => void;

interface Pending {
  readonly done: (reply: { readonly result: StoreResult } | undefined, nowMs: number) => void;
  readonly deadlineMs: number;
}

export class StoreCalls {
  readonly #pending = new Map<number, Pending>();
  readonly #leaseTtlMs: number;
  /** Number of the last operation asked. */
  last = 0;
  /** The last answer was good, and none is overdue since. */
  answers = false;

  constructor({ leaseTtlMs }: Times) {
    this.#leaseTtlMs = leaseTtlMs;
  }

  /** Returns the number of the operation. */
  ask<O extends StoreOperation>(
    op: O,
    args: Readonly<Parameters<CoordinationStore[O]>>,
    done: Done<O>,
    nowMs: number,
    effects: ControlEffect[],
  ): number {
    const id = ++this.last;
    // A late renewal still counts from when it was sent; every other late answer is void.
    const deadlineMs = nowMs + (op === 'lease' ? this.#leaseTtlMs : limits.controlStoreTimeoutMs);
    this.#pending.set(id, { done: done as Pending['done'], deadlineMs });
    effects.push({ do: 'store', id, op, args } as unknown as ControlEffect);
    return id;
  }

  /** A number of its own for what is asked in another way. */
  reserve(): number {
    return ++this.last;
  }

  answered(id: number, reply: { readonly result: StoreResult } | undefined, nowMs: number): void {
    this.answers = reply !== undefined;
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.done(reply, nowMs);
  }

  /** When `expire` next has something to do. */
  nextTickMs(): number {
    let atMs = Infinity;
    for (const { deadlineMs } of this.#pending.values()) atMs = Math.min(atMs, deadlineMs);
    return atMs;
  }

  expire(nowMs: number): void {
    for (const [id, { done, deadlineMs }] of this.#pending) {
      if (deadlineMs > nowMs) continue;
      this.#pending.delete(id);
      this.answers = false;
      done(undefined, nowMs);
    }
  }
}
