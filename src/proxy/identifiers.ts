/**
 * Identifiers that any node computes alike: a call that moves to another node without a snapshot repeats itself instead
 * of ringing twice (the branch and the tags come out the same), and a route that we once gave out proves itself.
 * Each starts with the partition of the call (a partition, never a node: it stays true whatever dies).
 */
import { Hmac } from '../hmac.ts';
import { KeyedHash } from '../keyed-hash.ts';

const digits = 'abcdefghijklmnopqrstuvwxyz234567';
/** RFC 3261 8.1.1.7: the magic cookie, then ours. */
export const branchPrefix = 'z9hG4bK.c';
const codes = Uint8Array.from(digits, (digit) => digit.charCodeAt(0));
/** Where a text of digits is put together: letter by letter it would be a string of strings. */
const letters = Buffer.alloc(32);
const hintLength = 3;
const loopLength = 8;
const proofLength = 16;

export class Identifiers {
  readonly #hash: KeyedHash;
  readonly #proof: Hmac;

  constructor(secret: Buffer) {
    this.#hash = new KeyedHash(secret);
    this.#proof = new Hmac(secret);
  }

  /** Partition as three base32 characters (15 bits). */
  static hint(partition: number): string {
    return digits.charAt((partition >> 10) & 31) + digits.charAt((partition >> 5) & 31) + digits.charAt(partition & 31);
  }

  /**
   * Via branch of one forwarded request (RFC 3261 16.6 step 8). `loop` is the hash of what decides the routing, readable
   * again by loopOf; `identity` names the transaction that is forwarded, `index` the branch of the fork.
   */
  branch(partition: number, loop: string, identity: string, index: number): string {
    return `${branchPrefix}${Identifiers.hint(partition)}${loop}${text32(this.#hash.of(`branch\0${identity}`))}${index.toString(36)}`;
  }

  /** To-tag of an answer of our own (RFC 3261 8.2.6.2, the same for each retransmission, on any node). */
  tag(partition: number, identity: string): string {
    return `${Identifiers.hint(partition)}${text32(this.#hash.of(`tag\0${identity}`))}`;
  }

  /** The `p` parameter of our Record-Route: proof that a later request of this Call-ID follows a route we gave out. */
  routeProof(partition: number, callId: string): string {
    return `${Identifiers.hint(partition)}${text32(this.#proof.ofText(`route\0${callId}`))}`;
  }

  /**
   * RFC 5393 4.2: hash of all that influences the routing of a request. No secret: who forges it only stops his own
   * request. 40 bits: two requests of one call that travel through us twice by chance are not taken for one.
   */
  static loop(fields: string): string {
    let high = 0x811c9dc5;
    let low = 0x050c5d1f;
    for (let i = 0; i < fields.length; i++) {
      const code = fields.charCodeAt(i);
      high = Math.imul(high ^ code, 0x01000193);
      low = Math.imul(low ^ code ^ (high >>> 24), 0x85ebca6b);
    }
    high ^= high >>> 15;
    low ^= low >>> 13;
    for (let i = 0; i < loopLength; i++) {
      const word = i < loopLength / 2 ? high : low;
      letters[i] = codes[(word >>> ((i % (loopLength / 2)) * 5)) & 31]!;
    }
    return letters.toString('latin1', 0, loopLength);
  }

  /** The loop hash inside one of our branches; '' when the branch is not ours. */
  static loopOf(branch: string): string {
    if (!branch.startsWith(branchPrefix)) return '';
    const start = branchPrefix.length + hintLength;
    return branch.slice(start, start + loopLength);
  }
}

/** 80 bits in base32. */
function text32(octets: string): string {
  for (let i = 0; i < proofLength; i++) letters[i] = codes[octets.charCodeAt(i) & 31]!;
  return letters.toString('latin1', 0, proofLength);
}
