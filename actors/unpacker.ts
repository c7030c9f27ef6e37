/**
 * Reads the MessagePack of which `packer.ts` is the writer (null, truth values, numbers, text, octets, arrays) in a third of
 * the time of @msgpack/msgpack. What it does not know (maps, extensions, broken octets) is the library's to read or refuse.
 */
import { Buffer } from 'node:buffer';
import { Decoder } from '@msgpack/msgpack';

/** Arrays inside of arrays that are read here, by recursion. */
const depthMax = 16;

const library = new Decoder();
/** A double as it travels, most significant octet first, turned round. */
const double = new Float64Array(1);
const doubleOctets = new Uint8Array(double.buffer);

let octets = Buffer.alloc(0);
let at = 0;
let end = 0;
let isKnown = true;

/**
 * The value; octets in it are views of `bytes`.
 * @throws as the library does, when the bytes are not exactly one value.
 */
export function unpackValue(bytes: Uint8Array): unknown {
  octets = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  at = 0;
  end = bytes.length;
  isKnown = true;
  const value = take(0);
  return isKnown && at === end ? value : library.decode(bytes);
}

function take(depth: number): unknown {
  const head = octets[at++];
  if (head === undefined) return unknown();
  if (head < 0x80) return head;
  if (head >= 0xe0) return head - 0x100;
  if (head >= 0xa0 && head < 0xc0) return takeText(head & 0x1f);
  if (head >= 0x90 && head < 0xa0) return takeArray(head & 0x0f, depth);
  switch (head) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
      return takeOctets(takeCount(1));
    case 0xc5:
      return takeOctets(takeCount(2));
    case 0xc6:
      return takeOctets(takeCount(4));
    case 0xcb:
      return takeDouble();
    case 0xcc:
      return takeCount(1);
    case 0xcd:
      return takeCount(2);
    case 0xce:
      return takeCount(4);
    case 0xcf:
      return takeCount(4) * 0x1_0000_0000 + takeCount(4);
    case 0xd0:
      return (takeCount(1) << 24) >> 24;
    case 0xd1:
      return (takeCount(2) << 16) >> 16;
    case 0xd2:
      return takeCount(4) | 0;
    case 0xd3:
      return (takeCount(4) | 0) * 0x1_0000_0000 + takeCount(4);
    case 0xd9:
      return takeText(takeCount(1));
    case 0xda:
      return takeText(takeCount(2));
    case 0xdb:
      return takeText(takeCount(4));
    case 0xdc:
      return takeArray(takeCount(2), depth);
    case 0xdd:
      return takeArray(takeCount(4), depth);
    default:
      return unknown();
  }
}

function unknown(): undefined {
  isKnown = false;
  return undefined;
}

/** Of so many octets, without a sign. */
function takeCount(size: 1 | 2 | 4): number {
  const from = at;
  at += size;
  if (at > end) {
    isKnown = false;
    return 0;
  }
  if (size === 1) return octets[from]!;
  if (size === 2) return (octets[from]! << 8) | octets[from + 1]!;
  return octets[from]! * 0x100_0000 + ((octets[from + 1]! << 16) | (octets[from + 2]! << 8) | octets[from + 3]!);
}

function takeDouble(): unknown {
  if (at + 8 > end) return unknown();
  for (let index = 7; index >= 0; index--) doubleOctets[index] = octets[at++]!;
  return double[0];
}

function takeText(length: number): unknown {
  const from = at;
  at += length;
  if (at > end) return unknown();
  if (length === 0) return '';
  for (let index = from; index < at; index++) if (octets[index]! >= 0x80) return octets.toString('utf8', from, at);
  return octets.toString('latin1', from, at);
}

function takeOctets(length: number): unknown {
  const from = at;
  at += length;
  return at > end ? unknown() : octets.subarray(from, at);
}

function takeArray(count: number, depth: number): unknown {
  // Each value has an octet at least: nobody gets room by a mere claim.
  if (depth === depthMax || count > end - at) return unknown();
  const values = new Array<unknown>(count);
  for (let index = 0; index < count && isKnown; index++) values[index] = take(depth + 1);
  return values;
}
