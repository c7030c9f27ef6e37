/**
 * Copies and acknowledgements, which every gate waits for, read by hand from the very octets that `packWord` makes of them. What
 * is of another form is the decoder's to read (messages.ts): undefined.
 */
import { Buffer } from 'node:buffer';
import { copyOf } from '../octets.ts';
import type { BuddyWord, OwnerWord, TailRow } from './messages.ts';

/** What follows the number of the word. */
let octets: Uint8Array = new Uint8Array(0);
let at = 0;
let isGood = true;

export function readAck(payload: Uint8Array): BuddyWord | undefined {
  begin(payload);
  const epoch = readCount();
  const base = readCount();
  const seq = readCount();
  return isGood && at === payload.length ? { type: 'ack', epoch, base, seq } : undefined;
}

/** Octets of its rows are copies. */
export function readCopy(payload: Uint8Array): OwnerWord | undefined {
  begin(payload);
  const buddy = readText();
  const epoch = readCount();
  const base = readCount();
  const from = readCount();
  const seq = readCount();
  const stored = readCount();
  const head = octets[at++] ?? 0;
  if (!isGood || head < 0x90 || head > 0x9f) return undefined;
  const rows: TailRow[] = [];
  for (let left = head & 0x0f; left > 0; left--) {
    if (octets[at++] !== 0x93) return undefined;
    const number = readCount();
    const key = readText();
    const value = readOctets();
    if (!isGood) return undefined;
    rows.push([number, key, value]);
  }
  return at === payload.length ? { type: 'copy', buddy, epoch, base, from, seq, stored, rows } : undefined;
}

function begin(payload: Uint8Array): void {
  octets = payload;
  at = 2;
  isGood = true;
}

/** A number that is not negative, in the forms of MessagePack for such numbers. */
function readCount(): number {
  const head = octets[at++] ?? 0xc1;
  if (head < 0x80) return head;
  if (head < 0xcc || head > 0xcf || at + 2 ** (head - 0xcc) > octets.length) {
    isGood = false;
    return 0;
  }
  let value = 0;
  for (let left = 2 ** (head - 0xcc); left > 0; left--) value = value * 256 + octets[at++]!;
  if (value > Number.MAX_SAFE_INTEGER) isGood = false;
  return value;
}

/** Of ASCII alone. */
function readText(): string {
  const head = octets[at++] ?? 0xc1;
  const length = head >= 0xa0 && head < 0xc0 ? head & 0x1f : head === 0xd9 ? (octets[at++] ?? octets.length) : -1;
  const end = at + length;
  if (length < 0 || end > octets.length) {
    isGood = false;
    return '';
  }
  for (let i = at; i < end; i++) if (octets[i]! > 0x7f) isGood = false;
  const text = bufferOf(octets).toString('latin1', at, end);
  at = end;
  return text;
}

function readOctets(): Uint8Array | null {
  const head = octets[at++];
  if (head === 0xc0) return null;
  let length = -1;
  if (head === 0xc4) length = octets[at++] ?? -1;
  else if (head === 0xc5 && at + 2 <= octets.length) {
    length = (octets[at]! << 8) | octets[at + 1]!;
    at += 2;
  }
  if (length < 0 || at + length > octets.length) {
    isGood = false;
    return null;
  }
  const value = kept(at, length);
  at += length;
  return value;
}

/** Rows live for about as long as their neighbours, and memory of its own for each would cost more than all the rest. */
let pool = new Uint8Array(0);
let poolAt = 0;
const poolBytes = 65_536;

function kept(from: number, length: number): Uint8Array {
  const view = octets.subarray(from, from + length);
  if (length > poolBytes / 16) return copyOf(view);
  if (poolAt + length > pool.length) {
    pool = new Uint8Array(poolBytes);
    poolAt = 0;
  }
  pool.set(view, poolAt);
  return pool.subarray(poolAt, (poolAt += length));
}

function bufferOf(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
