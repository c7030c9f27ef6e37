/**
 * A look at MessagePack octets before anything is decoded: one pass, no recursion, no allocation in proportion to what
 * the octets claim. Only what passes here is given to the decoder, so a claim of 2**31 members or 50,000 nested maps
 * costs the sender more than us.
 *
 * Refused besides broken encodings: extension types (a date or a custom type is nothing that we send), map keys that
 * are not strings or that are `__proto__`, NaN and infinities (an infinite version would win every comparison),
 * integers that a JavaScript number cannot hold, strings that are not UTF-8 (two nodes could disagree on a key).
 */
import { isUtf8 } from 'node:buffer';
import { limits } from '../src/limits.ts';

/** Bounds of one check. */
export interface MsgpackBounds {
  /** Containers inside containers; a lone number has depth 0. */
  readonly depthMax: number;
  /** Members of one array, or pairs of one map. */
  readonly membersMax: number;
}

export type MsgpackProblem =
  | 'empty'
  | 'truncated'
  | 'trailing-octets'
  | 'too-deep'
  | 'too-many-members'
  | 'count-over-octets'
  | 'key-not-string'
  | 'key-forbidden'
  | 'extension'
  | 'reserved-octet'
  | 'not-a-finite-number'
  | 'integer-too-large'
  | 'bad-utf8';

const linkBounds: MsgpackBounds = { depthMax: limits.linkFrameDepthMax, membersMax: limits.linkFrameBytesMax };

/** Whether `bytes` is exactly one harmless MessagePack value. Undefined means yes; otherwise what is wrong with it. */
export function checkMsgpack(bytes: Uint8Array, bounds: MsgpackBounds = linkBounds): MsgpackProblem | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.byteLength;
  if (end === 0) return 'empty';
  // One entry for each open container: values still to come; negative for a map whose next value is a key.
  const open: number[] = [];
  const isMap: boolean[] = [];
  let at = 0;
  for (;;) {
    if (at >= end) return 'truncated';
    const first = view.getUint8(at);
    const top = open.length - 1;
    const keyExpected = top >= 0 && isMap[top] === true && (open[top]! & 1) === 0;
    if (keyExpected && !isString(first)) return 'key-not-string';
    let members = -1;
    let map = false;
    let size = 0; // Octets of this value, its head included, for everything but containers.
    if (first <= 0x7f || first >= 0xe0) size = 1;
    else if (first <= 0x8f) {
      members = first & 0x0f;
      map = true;
    } else if (first <= 0x9f) members = first & 0x0f;
    else if (first <= 0xbf) size = 1 + (first & 0x1f);
    else {
      const head = headOctets[first - 0xc0]!;
      if (head === 0) return first === 0xc1 ? 'reserved-octet' : 'extension';
      if (at + head > end) return 'truncated';
      if (first === 0xde || first === 0xdf || first === 0xdc || first === 0xdd) {
        members = head === 3 ? view.getUint16(at + 1) : view.getUint32(at + 1);
        map = first >= 0xde;
      } else if (first === 0xc4 || first === 0xd9) size = head + view.getUint8(at + 1);
      else if (first === 0xc5 || first === 0xda) size = head + view.getUint16(at + 1);
      else if (first === 0xc6 || first === 0xdb) size = head + view.getUint32(at + 1);
      else {
        const problem = numberProblem(view, at, first);
        if (problem !== undefined) return problem;
        size = head;
      }
    }
    if (members >= 0) {
      const head = first <= 0x9f ? 1 : headOctets[first - 0xc0]!;
      if (open.length >= bounds.depthMax) return 'too-deep';
      if (members > bounds.membersMax) return 'too-many-members';
      const values = map ? members * 2 : members;
      if (values > end - at - head) return 'count-over-octets';
      at += head;
      open.push(values);
      isMap.push(map);
    } else {
      if (size > end - at) return 'truncated';
      if (isString(first)) {
        const textAt = at + (first <= 0xbf ? 1 : headOctets[first - 0xc0]!);
        const problem = textProblem(bytes, textAt, at + size, keyExpected);
        if (problem !== undefined) return problem;
      }
      at += size;
      if (top >= 0) open[top]!--;
    }
    while (open.length > 0 && open[open.length - 1] === 0) {
      open.pop();
      isMap.pop();
      if (open.length > 0) open[open.length - 1]!--;
    }
    if (open.length === 0) return at === end ? undefined : 'trailing-octets';
  }
}

/** Octets of the type and length (for numbers: of the whole value) for first octets 0xc0 to 0xdf; 0 = refused. */
const headOctets: readonly number[] = [
  1, 0, 1, 1, 2, 3, 5, 0, 0, 0, 5, 9, 2, 3, 5, 9, 2, 3, 5, 9, 0, 0, 0, 0, 0, 2, 3, 5, 3, 5, 3, 5,
];

const forbiddenKey = Buffer.from('__proto__');

function isString(first: number): boolean {
  return (first >= 0xa0 && first <= 0xbf) || (first >= 0xd9 && first <= 0xdb);
}

function numberProblem(view: DataView, at: number, first: number): MsgpackProblem | undefined {
  switch (first) {
    case 0xca:
      return Number.isFinite(view.getFloat32(at + 1)) ? undefined : 'not-a-finite-number';
    case 0xcb:
      return Number.isFinite(view.getFloat64(at + 1)) ? undefined : 'not-a-finite-number';
    case 0xcf:
      return view.getUint32(at + 1) < 0x200000 ? undefined : 'integer-too-large';
    case 0xd3: {
      const high = view.getInt32(at + 1);
      return high < 0x200000 && high >= -0x200000 && !(high === -0x200000 && view.getUint32(at + 5) === 0)
        ? undefined
        : 'integer-too-large';
    }
    default:
      return undefined;
  }
}

function textProblem(bytes: Uint8Array, from: number, to: number, isKey: boolean): MsgpackProblem | undefined {
  let ascii = true;
  for (let i = from; i < to && ascii; i++) ascii = bytes[i]! < 0x80;
  if (!ascii && !isUtf8(bytes.subarray(from, to))) return 'bad-utf8';
  if (isKey && to - from === forbiddenKey.length && forbiddenKey.compare(bytes, from, to) === 0) return 'key-forbidden';
  return undefined;
}
