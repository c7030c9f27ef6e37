/** A drain: from the wish to leave to the release of the lease. */
import { limits } from '../src/limits.ts';
import type { ExitCode } from './control-types.ts';
import { isMember, memberIndex } from './table.ts';
import type { Table } from './table.ts';

/** How the process is to end. */
export interface Ending {
  readonly code: ExitCode;
  readonly reason: string;
}

export class Leaving {
  /** The wish was spoken: plan us nothing, hand over what we have. */
  draining = false;
  /** Connections of clients that others cannot take over, as far as we were told. */
  #connections = Infinity;
  #holdUntilMs = -Infinity;
  /** Rows of others: if one of them was just lost, its heir comes for them. */
  #copies = 0;
  #emptySinceMs = Infinity;
  /** Stopped for good: only the release is left to do. */
  gone = false;
  #closingSinceMs = Infinity;
  #goneSinceMs = 0;
  ending: Ending = { code: 0, reason: 'drained' };

  get isUnderWay(): boolean {
    return this.draining || this.gone;
  }

  /** Nobody is there to hand over to: write everything and go. */
  get closing(): boolean {
    return this.#closingSinceMs < Infinity;
  }

  held({ connections, copies }: { readonly connections?: number; readonly copies?: number }): void {
    this.#connections = connections ?? this.#connections;
    this.#copies = copies ?? this.#copies;
  }

  /** @returns whether it is the first time. `holdMs`: how long to stay, with empty hands, for the connections of clients. */
  wish(nowMs: number, holdMs = 0): boolean {
    if (this.draining) return false;
    this.draining = true;
    this.#holdUntilMs = nowMs + holdMs;
    return true;
  }

  /** True when the moment to go has come. `isEmpty`: nothing is ours; `isStill`: everything is written. */
  isDue(
    identity: { readonly id: string; readonly incarnation: number },
    table: Table | undefined,
    hasHeirs: boolean,
    shares: { isEmpty(): boolean; isStill(): boolean },
    nowMs: number,
  ): boolean {
    if (!this.draining || this.gone) return false;
    if (table === undefined || !isMember(table, identity.id, identity.incarnation)) return true;
    if (!table.members[memberIndex(table, identity.id)]!.draining) return false;
    if (hasHeirs) {
      this.#closingSinceMs = Infinity;
      if (!shares.isEmpty()) {
        this.#emptySinceMs = Infinity;
        return false;
      }
      this.#emptySinceMs = Math.min(this.#emptySinceMs, nowMs);
      // What others have sent us by an older table comes yet, and is passed on.
      if (nowMs - this.#emptySinceMs < limits.drainLastMs) return false;
      if (this.#copies > 0 && nowMs - this.#emptySinceMs < limits.drainCloseMs) return false;
      return this.#connections === 0 || nowMs >= this.#holdUntilMs;
    }
    this.#closingSinceMs = Math.min(this.#closingSinceMs, nowMs);
    return shares.isStill() || nowMs - this.#closingSinceMs >= limits.drainCloseMs;
  }

  /** Stops for good; then the store is told. A supervisor tells it the same of every process of its that ended. */
  go(ending: Ending, nowMs: number): void {
    this.gone = true;
    this.ending = ending;
    this.#goneSinceMs = nowMs;
  }

  /** The release was tried for long enough: a supervisor or the votes will say the same. */
  hasTriedEnough(nowMs: number): boolean {
    return nowMs - this.#goneSinceMs >= limits.drainCloseMs;
  }
}
