/**
 * What entities that sleep must still know for some time, such as the answers that they may have to say again: octets
 * outside of the heap, one after the other in large pieces, each of which is given back as a whole when the time of all
 * that is in it has passed. In the heap it would end among what stays for hours, and leave holes there. One per worker.
 */
import assert from 'node:assert';
import { Buffer } from 'node:buffer';
import { limits } from '../src/limits.ts';
import { Chore } from './chore.ts';
import { Pieces } from './pieces.ts';
import type { Wheel } from './wheel.ts';

/** Whose memory it is. The place is of the memories only. */
export interface Rememberer {
  /** {@link nowhere}: nothing is remembered. */
  memoryAt: number;
}

export const nowhere = -1;

export class Memories {
  readonly #wheel: Wheel;
  /** By number, oldest first; what is new goes to the last one. */
  readonly #pieces = new Map<number, Piece>();
  readonly #octets = new Pieces();
  readonly #sweep: Chore;
  #last: Piece | undefined = undefined;
  #next = 0;

  constructor(wheel: Wheel) {
    this.#wheel = wheel;
    this.#sweep = new Chore((nowMs) => this.#forgetOld(nowMs));
  }

  /** Pieces that are held, for tests and figures. */
  get pieceCount(): number {
    return this.#pieces.size;
  }

  /** Copies the octets, in place of what was remembered before. False when there is no room for so much. */
  put(owner: Rememberer, octets: Uint8Array, untilMs: number): boolean {
    const count = headBytes + octets.length;
    let piece = this.#last;
    if (piece === undefined || piece.length + count > limits.memoryPieceBytes) {
      piece = count > limits.memoryPieceBytes ? undefined : this.#open();
      if (piece === undefined) return false;
    }
    const at = piece.length;
    piece.octets.writeDoubleLE(untilMs, at);
    piece.octets.writeUInt32LE(octets.length, at + 8);
    piece.octets.set(octets, at + headBytes);
    piece.length += count;
    piece.owners.push(owner);
    if (untilMs > piece.untilMs) piece.untilMs = untilMs;
    owner.memoryAt = piece.number * limits.memoryPieceBytes + at;
    if (this.#sweep.place < 0) this.#arm();
    return true;
  }

  /** Takes it out: a copy. `undefined`: there is nothing, or its time has passed. */
  take(owner: Rememberer, nowMs: number): Buffer | undefined {
    const { memoryAt } = owner;
    if (memoryAt === nowhere) return undefined;
    owner.memoryAt = nowhere;
    const piece = this.#pieces.get(Math.floor(memoryAt / limits.memoryPieceBytes));
    assert(piece !== undefined, 'whoever remembers something has a place for it');
    const at = memoryAt % limits.memoryPieceBytes;
    if (piece.octets.readDoubleLE(at) <= nowMs) return undefined;
    const start = at + headBytes;
    return Buffer.from(piece.octets.subarray(start, start + piece.octets.readUInt32LE(at + 8)));
  }

  /** `undefined`: there is no room. */
  #open(): Piece | undefined {
    const octets = this.#octets.open();
    if (octets === undefined) return undefined;
    // Numbers come again, but not while a piece has one: then places stay small integers.
    while (this.#pieces.has(this.#next)) this.#next = (this.#next + 1) % numbersMax;
    const piece: Piece = { number: this.#next, octets, length: 0, untilMs: 0, owners: [] };
    this.#next = (this.#next + 1) % numbersMax;
    this.#pieces.set(piece.number, piece);
    this.#last = piece;
    return piece;
  }

  #forgetOld(nowMs: number): void {
    for (const piece of this.#pieces.values()) {
      if (piece.untilMs > nowMs) break;
      this.#pieces.delete(piece.number);
      if (this.#last === piece) this.#last = undefined;
      for (const owner of piece.owners)
        if (Math.floor(owner.memoryAt / limits.memoryPieceBytes) === piece.number) owner.memoryAt = nowhere;
      this.#octets.close(piece.octets);
    }
    if (this.#pieces.size > 0) this.#arm();
  }

  #arm(): void {
    const [first] = this.#pieces.values();
    this.#wheel.schedule(this.#sweep, first!.untilMs);
  }
}

interface Piece {
  readonly number: number;
  readonly octets: Buffer;
  length: number;
  /** When the last of it has lost its meaning. */
  untilMs: number;
  readonly owners: Rememberer[];
}

/** Its end, cluster time, and its length. */
const headBytes = 12;
/** So that a place has 31 bits. */
const numbersMax = 2 ** 31 / limits.memoryPieceBytes;
