/**
 * From the key of an actor to its partition. The function is frozen: stored snapshots, tables and identifiers on the
 * wire (Via branch, tags) name partitions, so another answer for the same key would lose them.
 */
import { limits } from '../src/limits.ts';

/**
 * Partition of a key (a Call-ID, an address-of-record, a gateway id): 0 .. limits.partitions - 1.
 * `key` is normally a latin1 decode (one char code per byte); any other string is hashed over its UTF-16 codes.
 */
export function partitionOf(key: string): number {
  return hash32(key) & (limits.partitions - 1);
}

/**
 * 32-bit FNV-1a over the char codes, finished by the mixer of MurmurHash3. FNV alone leaves the low bits, which choose
 * the partition, weak for keys that differ only in a trailing counter.
 */
export function hash32(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
