/**
 * What this worker has given to other nodes of late. They read it from the store; when that has lost it meanwhile (a Redis
 * that somebody wiped), they find fewer rows than the giver said, and ask for them here. Pure.
 */
import { rowOf, type Kept } from '../../actors/kept.ts';
import { limits } from '../../src/limits.ts';
import { tailWords } from './messages.ts';
import type { BuddyWord, RecallWord, TailRow } from './messages.ts';

interface Given {
  /** Under which it was ours. */
  readonly epoch: number;
  readonly rows: readonly Kept[];
  readonly atMs: number;
}

export class GivenAway {
  readonly #self: string;
  /** In the order of their time. */
  readonly #given = new Map<number, Given>();

  /** @param self `ownerName` of this node */
  constructor(self: string) {
    this.#self = self;
  }

  /** For the simulator. `row`: the key of a row. */
  holds(partition: number, row: string): boolean {
    return this.#given.get(partition)?.rows.some((kept) => rowOf(kept).key === row) === true;
  }

  keep(partition: number, epoch: number, rows: readonly Kept[], nowMs: number): void {
    this.#given.delete(partition);
    if (rows.length > 0) this.#given.set(partition, { epoch, rows, atMs: nowMs });
  }

  forget(partition: number): void {
    this.#given.delete(partition);
  }

  /** Its next owner has it by now. */
  expire(nowMs: number): void {
    for (const [partition, { atMs }] of this.#given) {
      if (nowMs - atMs < limits.givenKeepMs) return;
      this.#given.delete(partition);
    }
  }

  /** The answer; none when it is not here. */
  recalled(partition: number, { keeper, epoch }: RecallWord): BuddyWord[] {
    const given = this.#given.get(partition);
    if (given === undefined || keeper !== this.#self || given.epoch >= epoch) return [];
    return tailWords(epoch, given.epoch, given.rows.map(rowNumbered));
  }
}

function rowNumbered(kept: Kept, index: number): TailRow {
  const { key, value } = rowOf(kept);
  return [index + 1, key, value];
}
