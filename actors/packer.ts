/**
 * MessagePack of what snapshots are made of (null, truth values, numbers, text, octets, arrays): the same octets that
 * @msgpack/msgpack writes, in half of its time, as nothing is asked for twice and nothing can be extended.
 */
import { Buffer } from 'node:buffer';

/** Longer text is copied by the runtime, which costs a call but less for each character. */
const shortChars = 40;
/**
 * V8 has five kinds of text (made whole, of two parts, a part of another, of a table, once looked up there), more than it
 * keeps apart in one place: asked of the text itself, each letter would be a look-up of the method.
 */
const { charCodeAt } = String.prototype;

let octets = Buffer.allocUnsafeSlow(16 * 1024);
let length = 0;

/** A view that is good until the next call. `undefined`: there is something else in it, such as an object. */
export function packArray(values: readonly unknown[]): Buffer | undefined {
  length = 0;
  return putArray(values) ? octets.subarray(0, length) : undefined;
}

function put(value: unknown): boolean {
  switch (typeof value) {
    case 'number':
      return putNumber(value);
    case 'string':
      return putText(value);
    case 'boolean':
      return putByte(value ? 0xc3 : 0xc2);
    case 'undefined':
      return putByte(0xc0);
    case 'object':
      if (value === null) return putByte(0xc0);
      if (Array.isArray(value)) return putArray(value);
      return value instanceof Uint8Array && putOctets(value);
    default:
      return false;
  }
}

function putByte(octet: number): boolean {
  room(1);
  octets[length++] = octet;
  return true;
}

function putArray(values: readonly unknown[]): boolean {
  const count = values.length;
  room(5);
  if (count < 16) octets[length++] = 0x90 | count;
  else if (count < 0x10000) put16(0xdc, count);
  else put32(0xdd, count);
  for (let index = 0; index < count; index++) if (!put(values[index])) return false;
  return true;
}

function putOctets(bytes: Uint8Array): boolean {
  const count = bytes.length;
  room(count + 5);
  if (count < 0x100) put8(0xc4, count);
  else if (count < 0x10000) put16(0xc5, count);
  else put32(0xc6, count);
  octets.set(bytes, length);
  length += count;
  return true;
}

function putNumber(value: number): boolean {
  room(9);
  if (!Number.isSafeInteger(value)) {
    octets[length] = 0xcb;
    octets.writeDoubleBE(value, length + 1);
    length += 9;
  } else if (value >= 0) {
    if (value < 0x80) octets[length++] = value;
    else if (value < 0x100) put8(0xcc, value);
    else if (value < 0x10000) put16(0xcd, value);
    else if (value < 0x1_0000_0000) put32(0xce, value);
    else put64(0xcf, value);
  } else if (value >= -0x20) octets[length++] = value & 0xff;
  else if (value >= -0x80) put8(0xd0, value);
  else if (value >= -0x8000) put16(0xd1, value);
  else if (value >= -0x8000_0000) put32(0xd2, value);
  else put64(0xd3, value);
  return true;
}

function putText(text: string): boolean {
  const count = text.length;
  room(count * 3 + 5);
  if (count <= shortChars) {
    const start = length;
    // Where it is if all of it is ASCII, as nearly all is.
    const from = start + (count < 32 ? 1 : 2);
    let index = 0;
    for (; index < count; index++) {
      const code = charCodeAt.call(text, index);
      if (code >= 0x80) break;
      octets[from + index] = code;
    }
    if (index === count) {
      if (count < 32) octets[start] = 0xa0 | count;
      else {
        octets[start] = 0xd9;
        octets[start + 1] = count;
      }
      length = from + count;
      return true;
    }
  }
  const bytes = Buffer.byteLength(text, 'utf8');
  if (bytes < 32) octets[length++] = 0xa0 | bytes;
  else if (bytes < 0x100) put8(0xd9, bytes);
  else if (bytes < 0x10000) put16(0xda, bytes);
  else put32(0xdb, bytes);
  octets.write(text, length, 'utf8');
  length += bytes;
  return true;
}

function put8(head: number, value: number): void {
  octets[length] = head;
  octets[length + 1] = value;
  length += 2;
}

function put16(head: number, value: number): void {
  octets[length] = head;
  octets[length + 1] = value >> 8;
  octets[length + 2] = value;
  length += 3;
}

function put32(head: number, value: number): void {
  octets[length] = head;
  word(length + 1, value);
  length += 5;
}

function put64(head: number, value: number): void {
  octets[length] = head;
  const high = Math.floor(value / 0x1_0000_0000);
  word(length + 1, high);
  word(length + 5, value - high * 0x1_0000_0000);
  length += 9;
}

function word(at: number, value: number): void {
  octets[at] = value >>> 24;
  octets[at + 1] = value >>> 16;
  octets[at + 2] = value >>> 8;
  octets[at + 3] = value;
}

function room(more: number): void {
  if (length + more <= octets.length) return;
  const larger = Buffer.allocUnsafeSlow((length + more) * 2);
  octets.copy(larger, 0, 0, length);
  octets = larger;
}
