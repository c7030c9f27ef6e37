/**
 * Numbers in octets, by hand: a DataView or a Buffer method per number costs more than the number (frames are hot). And
 * copies of octets, and what threads hand to each other.
 * None of these checks the end of the array; the callers have.
 */
import { limits } from '../src/limits.ts';

/** Big-endian, as MessagePack wants it. `value` is in 0 to 2**32-1. */
export function writeUint32(octets: Uint8Array, at: number, value: number): void {
  octets[at] = value >>> 24;
  octets[at + 1] = (value >>> 16) & 0xff;
  octets[at + 2] = (value >>> 8) & 0xff;
  octets[at + 3] = value & 0xff;
}

export function readUint32(octets: Uint8Array, at: number): number {
  return ((octets[at]! << 24) | (octets[at + 1]! << 16) | (octets[at + 2]! << 8) | octets[at + 3]!) >>> 0;
}

/** A safe integer as 64 bits. */
export function writeSafe(octets: Uint8Array, at: number, value: number): void {
  writeUint32(octets, at, Math.floor(value / 0x1_0000_0000));
  writeUint32(octets, at + 4, value >>> 0);
}

/** 64 bits as a number, or -1 when it is not a safe integer. */
export function readSafe(octets: Uint8Array, at: number): number {
  const high = readUint32(octets, at);
  return high < 0x20_0000 ? high * 0x1_0000_0000 + readUint32(octets, at + 4) : -1;
}

/**
 * The first so many octets as a text of as many chars, if they are few: in a message between threads that costs less than
 * memory that changes its owner.
 */
export function shortText(octets: Buffer, length: number): string | undefined {
  return length <= limits.messageTextBytesMax ? octets.toString('latin1', 0, length) : undefined;
}

/** What came as such a text, or as memory: a view of that. */
export function octetsIn(message: Uint8Array | string): Buffer {
  if (typeof message === 'string') return Buffer.from(message, 'latin1');
  return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
}

/** Octets that stay as they are when the memory under these is used again. (`slice` of a Buffer is only a view.) */
export function copyOf(octets: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(octets);
}
