/**
 * The seal of what two nodes, or their workers, say to each other: the first 16 octets of an HMAC-SHA256, behind what it
 * seals. Without the key nobody makes one, and what was damaged on the way does not fit it.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Hmac } from '../src/hmac.ts';

export const sealBytes = 16;

/** Writes it over the last octets: of `context`, which only both ends know, and of what stands before it from `from` on. */
export function writeSeal(octets: Buffer, from: number, context: Uint8Array, mac: Hmac): void {
  const at = octets.length - sealBytes;
  octets.write(mac.ofOctets(context, octets.subarray(from, at)), at, sealBytes, 'latin1');
}

/** Whether the last octets are the seal of `context` and all before them. Takes the same time wherever it differs. */
export function hasSeal(octets: Buffer, context: Uint8Array, mac: Hmac): boolean {
  const at = octets.length - sealBytes;
  if (at < 0) return false;
  expected.write(mac.ofOctets(context, octets.subarray(0, at)), 0, sealBytes, 'latin1');
  return timingSafeEqual(octets.subarray(at), expected);
}

const expected = Buffer.alloc(sealBytes);
