/** Real randomness. */
import { randomFillSync } from 'node:crypto';
import type { Random } from '../outside.ts';

const poolBytes = 4_096;

/** Draws from the system in larger pieces, since one call costs more than its octets. */
export class SystemRandom implements Random {
  #pool = Buffer.alloc(0);
  #at = 0;

  bytes(lengthBytes: number): Buffer {
    if (lengthBytes > poolBytes / 8) return randomFillSync(Buffer.alloc(lengthBytes));
    if (this.#at + lengthBytes > this.#pool.length) {
      this.#pool = randomFillSync(Buffer.alloc(poolBytes));
      this.#at = 0;
    }
    const from = this.#at;
    this.#at += lengthBytes;
    return Buffer.from(this.#pool.subarray(from, this.#at));
  }

  fraction(): number {
    return Math.random();
  }
}
