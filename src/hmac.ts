/**
 * HMAC-SHA256 (RFC 2104) under one key, for places where every packet needs one: two hashes in one step each take a fourth
 * of the time that a Hmac object of node:crypto takes to be made and thrown away.
 */
import { createHash, hash } from 'node:crypto';

const blockBytes = 64;
const digestBytes = 32;
const scratchBytes = 4_096;

export class Hmac {
  /** The key of the inner hash, then room for what is hashed. */
  readonly #inner = Buffer.alloc(blockBytes + scratchBytes, 0);
  readonly #outer = Buffer.alloc(blockBytes + digestBytes);

  constructor(key: Uint8Array | string) {
    const octets = typeof key === 'string' ? Buffer.from(key, 'utf8') : key;
    const short = octets.length <= blockBytes ? octets : createHash('sha256').update(octets).digest();
    for (let at = 0; at < blockBytes; at++) {
      const octet = at < short.length ? short[at]! : 0;
      this.#inner[at] = octet ^ 0x36;
      this.#outer[at] = octet ^ 0x5c;
    }
  }

  /** Of the text as latin1. The 32 octets as a string, one for each char code. */
  ofText(text: string): string {
    if (text.length > scratchBytes) return this.#ofLong([Buffer.from(text, 'latin1')]);
    return this.#ofScratch(this.#inner.write(text, blockBytes, 'latin1'));
  }

  /** Of both, one behind the other. */
  ofOctets(first: Uint8Array, second: Uint8Array): string {
    const length = first.length + second.length;
    if (length > scratchBytes) return this.#ofLong([first, second]);
    this.#inner.set(first, blockBytes);
    this.#inner.set(second, blockBytes + first.length);
    return this.#ofScratch(length);
  }

  #ofScratch(length: number): string {
    return this.#wrap(hash('sha256', this.#inner.subarray(0, blockBytes + length), 'binary'));
  }

  #ofLong(parts: readonly Uint8Array[]): string {
    const inner = createHash('sha256').update(this.#inner.subarray(0, blockBytes));
    for (const part of parts) inner.update(part);
    return this.#wrap(inner.digest('binary'));
  }

  #wrap(inner: string): string {
    this.#outer.write(inner, blockBytes, 'latin1');
    return hash('sha256', this.#outer, 'binary');
  }
}
