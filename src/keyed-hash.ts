/**
 * A keyed hash for short identifiers that nobody may guess: SHA-256 of a key and a text, of which at most half is shown. With
 * the other half hidden nobody can go on from it to a longer text, so it needs no second hash as HMAC does: half the time.
 */
import { createHash, hash } from 'node:crypto';

export class KeyedHash {
  /** One block of SHA-256: no text can be taken for a part of it. */
  readonly #key: string;

  constructor(secret: Uint8Array) {
    this.#key = createHash('sha256').update(secret).digest('hex');
  }

  /** Of the text as UTF-8. The first 16 octets as a string, one for each char code. */
  of(text: string): string {
    return hash('sha256', this.#key + text, 'binary').slice(0, shownBytes);
  }
}

const shownBytes = 16;
