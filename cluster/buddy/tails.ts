/**
 * The memory of a buddy: for each partition of somebody else what its owner has changed and the store does not have yet.
 * It acknowledges only what continues what it has, up to where it has everything, and nothing of an owner that has lost the
 * partition. Copies over a link come in order; those that come as datagrams may be late, repeated or out of order. Pure.
 */
import { limits } from '../../src/limits.ts';
import { rowBytes, tailWords } from './messages.ts';
import type { BuddyWord, OwnerWord, RefusalReason, TailRow } from './messages.ts';

interface Tail {
  epoch: number;
  base: number;
  seq: number;
  /** The store has everything of this epoch up to here. */
  stored: number;
  /** In the order of their last change. */
  readonly rows: Map<string, TailRow>;
  /** Under which the partition was sealed by a later owner, 0: not that we know. */
  sealedBy: number;
  touchedAtMs: number;
}

export interface TailStats {
  readonly partitions: number;
  readonly rows: number;
  readonly bytes: number;
}

export class Tails {
  readonly #self: string;
  readonly #tails = new Map<number, Tail>();
  #rows = 0;
  #bytes = 0;

  /** @param self `ownerName` of this node: words for an earlier process of the same name are not for us. */
  constructor(self: string) {
    this.#self = self;
  }

  get stats(): TailStats {
    return { partitions: this.#tails.size, rows: this.#rows, bytes: this.#bytes };
  }

  /** Whether it has a row of this key (a removal does not count). For the simulator. */
  holds(partition: number, key: string): boolean {
    const row = this.#tails.get(partition)?.rows.get(key);
    return row !== undefined && row[2] !== null;
  }

  /** The answers, in order. @param isOrdered by a link */
  receive(partition: number, word: OwnerWord, nowMs: number, isOrdered = true): readonly BuddyWord[] {
    switch (word.type) {
      case 'copy':
        return this.#copy(partition, word, nowMs, isOrdered);
      case 'stored':
        this.#stored(partition, word.epoch, word.stored, nowMs);
        return [];
      case 'take':
        return this.#take(partition, word, nowMs);
      case 'forget': {
        const tail = this.#tails.get(partition);
        if (tail === undefined || tail.epoch >= word.epoch) return [];
        this.#clear(tail);
        // A copy of that epoch may still be on its way as a datagram.
        tail.sealedBy = Math.max(tail.sealedBy, word.epoch);
        return [];
      }
    }
  }

  #copy(
    partition: number,
    word: OwnerWord & { readonly type: 'copy' },
    nowMs: number,
    isOrdered: boolean,
  ): readonly BuddyWord[] {
    const { epoch, base } = word;
    const ack = (seq: number): BuddyWord[] => [{ type: 'ack', epoch, base, seq }];
    const refused = (reason: RefusalReason): BuddyWord[] => [{ type: 'refused', epoch, base, reason }];
    if (word.buddy !== this.#self) return refused('gap');
    let tail = this.#tails.get(partition);
    if (tail !== undefined && (epoch < tail.epoch || epoch < tail.sealedBy)) return refused('fenced');
    if (tail === undefined || tail.epoch !== epoch || tail.base !== base) {
      const isOver = tail !== undefined && tail.epoch === epoch && tail.base > base;
      // A first copy begins where the store ends. Before it we have what the store has.
      if (isOver || word.from !== base + 1) return isOrdered ? refused('gap') : isOver ? [] : ack(base);
      tail = this.#begin(partition, epoch, base);
    }
    if (word.from > tail.seq + 1) return isOrdered ? refused('gap') : ack(tail.seq);
    for (const row of word.rows) {
      // It was said before, or the store was quicker.
      if (row[0] <= tail.seq || row[0] <= tail.stored) continue;
      if (this.#rows >= limits.tailRowsMax || this.#bytes + rowBytes(row) > limits.tailBytesMax) return refused('full');
      this.#put(tail, row);
    }
    tail.seq = Math.max(tail.seq, word.seq);
    tail.touchedAtMs = nowMs;
    this.#dropStored(tail, word.stored);
    return ack(tail.seq);
  }

  /** An owner says that only of an epoch under which it has copied; the first copy of it may come later as a datagram. */
  #stored(partition: number, epoch: number, stored: number, nowMs: number): void {
    let tail = this.#tails.get(partition);
    if (tail !== undefined && (epoch < tail.epoch || epoch < tail.sealedBy)) return;
    if (tail?.epoch !== epoch) {
      tail = this.#begin(partition, epoch, 0);
      tail.touchedAtMs = nowMs;
    }
    this.#dropStored(tail, stored);
  }

  #begin(partition: number, epoch: number, base: number): Tail {
    const before = this.#tails.get(partition);
    if (before !== undefined) this.#clear(before);
    const stored = before?.epoch === epoch ? before.stored : 0;
    const sealedBy = before?.sealedBy ?? 0;
    const tail: Tail = { epoch, base, seq: base, stored, rows: new Map(), sealedBy, touchedAtMs: 0 };
    this.#tails.set(partition, tail);
    return tail;
  }

  #take(partition: number, { buddy, epoch }: OwnerWord & { readonly type: 'take' }, nowMs: number): BuddyWord[] {
    const tail = buddy === this.#self ? this.#tails.get(partition) : undefined;
    if (tail === undefined || tail.epoch >= epoch) {
      // Nothing is here, and nothing older may come.
      if (tail === undefined && buddy === this.#self) {
        const sealed = this.#begin(partition, 0, 0);
        sealed.sealedBy = epoch;
        sealed.touchedAtMs = nowMs;
      }
      return tailWords(epoch, 0, []);
    }
    tail.sealedBy = Math.max(tail.sealedBy, epoch);
    tail.touchedAtMs = nowMs;
    return tailWords(epoch, tail.epoch, tail.rows.values());
  }

  /**
   * Forgets what nobody has asked for or added to for very long. Calls `held` for what has not changed
   * for a while (`idleMs`): the owner is to be asked.
   */
  sweep(nowMs: number, idleMs: number, held: (partition: number, word: BuddyWord) => void): void {
    for (const [partition, tail] of this.#tails) {
      const sinceMs = nowMs - tail.touchedAtMs;
      if (sinceMs >= limits.tailMsMax) {
        this.#clear(tail);
        this.#tails.delete(partition);
      } else if (tail.rows.size > 0 && sinceMs >= idleMs)
        held(partition, { type: 'held', buddy: this.#self, epoch: tail.epoch });
    }
  }

  #put(tail: Tail, row: TailRow): void {
    const before = tail.rows.get(row[1]);
    if (before !== undefined) {
      // To the end: rows stand in the order of their last change.
      tail.rows.delete(row[1]);
      this.#rows--;
      this.#bytes -= rowBytes(before);
    }
    tail.rows.set(row[1], row);
    this.#rows++;
    this.#bytes += rowBytes(row);
  }

  #dropStored(tail: Tail, stored: number): void {
    if (stored <= tail.stored) return;
    tail.stored = stored;
    for (const [key, row] of tail.rows) {
      if (row[0] > stored) return;
      tail.rows.delete(key);
      this.#rows--;
      this.#bytes -= rowBytes(row);
    }
  }

  #clear(tail: Tail): void {
    for (const row of tail.rows.values()) this.#bytes -= rowBytes(row);
    this.#rows -= tail.rows.size;
    tail.rows.clear();
  }
}
