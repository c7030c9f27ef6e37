/**
 * Hashes of texts that strangers choose: Call-IDs, addresses, branches. They begin with a secret of the process, so that nobody
 * can choose many that meet in one place of a table.
 */

/** 32 bits: FNV-1a from a secret basis, a little mixed. @param seed of the process, or the hash of what comes before the text */
export function textHash(text: string, seed: number): number {
  let hash = seed;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}

/** @param random four octets */
export function hashSeedOf(random: Uint8Array): number {
  return new DataView(random.buffer, random.byteOffset).getInt32(0);
}
