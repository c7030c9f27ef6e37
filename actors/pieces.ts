/** The large pieces of memory outside of the heap that short-lived octets are put into, one after the other. */
import { Buffer } from 'node:buffer';
import { limits } from '../src/limits.ts';

/** So many are kept for those to come. */
const spareCount = 2;

export class Pieces {
  #count = 0;
  readonly #spare: Buffer[] = [];

  /** How many are in use. */
  get count(): number {
    return this.#count;
  }

  /** One of `limits.memoryPieceBytes`, with anything in it. `undefined`: as many as may be are in use. */
  open(): Buffer | undefined {
    if (this.#count >= limits.memoryPiecesMax) return undefined;
    this.#count++;
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(limits.memoryPieceBytes);
  }

  /** Nobody looks at it any more. */
  close(piece: Buffer): void {
    this.#count--;
    this.#spare.push(piece);
    // At once, not when the collector finds them.
    while (this.#spare.length > this.#count + spareCount) (this.#spare.pop()!.buffer as ArrayBuffer).transfer(0);
  }
}
