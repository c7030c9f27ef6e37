/**
 * The DATA frame, the hot one: many items for partitions, workers and the control of another node. Written and read by
 * hand in a fixed layout (numbers always in their widest form) that any MessagePack library can read:
 * `[version, type, epoch, nonce, seq, heard seq, [[target, payload], ...], seal]`.
 */
import { limits } from '../src/limits.ts';
import { readSafe, readUint32, writeSafe, writeUint32 } from './octets.ts';
import { sealBytes } from './seal.ts';

/**
 * First in each frame: the version that both sides speak. Greetings, proofs and what refuses them are of the same form in
 * every version and carry this one.
 */
export const linkVersion = 1;

export const frameType = { hello: 1, challenge: 2, proof: 3, heartbeat: 4, data: 5, close: 6 } as const;

export const sealTailBytes = 2 + sealBytes; // bin8 head and the octets.

/**
 * Where an item goes in the receiving node: a partition (with the hops it made so far), a worker, the control, what owner
 * and buddy of a partition say to each other (buddy/messages.ts), or on to a third node (relay.ts).
 */
export type Target =
  | readonly [kind: 0, partition: number, hops: number]
  | readonly [kind: 1, worker: number]
  | readonly [kind: 2]
  | readonly [kind: 3, partition: number]
  | readonly [kind: 4];

/** Which partition table the sender has: epoch (safe integer) and nonce (32 bits). Rides on every frame. */
export interface TableMark {
  readonly epoch: number;
  readonly nonce: number;
}

/** The head of a DATA frame; its items are visited with `visitItems(body, ...)`. */
export interface Data {
  readonly type: 'data';
  readonly mark: TableMark;
  readonly seq: number;
  readonly heardSeq: number;
  readonly items: number;
}

const dataSeqAt = 4 + 3 + 9 + 5; // length, [array, version, type], epoch, nonce
const dataHeardAt = dataSeqAt + 9;
const dataCountAt = dataHeardAt + 9;
const dataItemsAt = dataCountAt + 5;
const itemOctets = 1 + 6 + 5; // At most: pair, target, head of the payload.

/** The longest payload that one item can carry. */
export const payloadBytesMax = limits.linkFrameBytesMax - dataItemsAt - itemOctets - sealTailBytes;

/** Gathers items into the octets of one DATA frame. Payloads are copied; the caller may reuse its buffer at once. */
export class DataWriter {
  #octets = Buffer.allocUnsafe(4_096);
  #at = dataItemsAt;
  #count = 0;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get items(): number {
    return this.#count;
  }

  /** Octets of the frame as it stands, without the seal. */
  get length(): number {
    return this.#at;
  }

  /** Whether one more payload of this length keeps the frame within its limit. */
  hasRoomFor(payloadBytes: number): boolean {
    return this.#at + itemOctets + payloadBytes + sealTailBytes - 4 <= limits.linkFrameBytesMax;
  }

  add(target: Target, payload: Uint8Array): void {
    const need = this.#at + itemOctets + payload.length + sealTailBytes;
    if (need > this.#octets.length) this.#grow(need);
    const o = this.#octets;
    let at = this.#at;
    o[at++] = 0x92;
    if (target[0] === 0) {
      o[at++] = 0x93;
      o[at++] = 0;
      o[at++] = 0xcd;
      o[at++] = target[1] >> 8;
      o[at++] = target[1] & 0xff;
      o[at++] = target[2];
    } else if (target[0] === 1) {
      o[at++] = 0x92;
      o[at++] = 1;
      o[at++] = target[1];
    } else if (target[0] === 3) {
      o[at++] = 0x92;
      o[at++] = 3;
      o[at++] = 0xcd;
      o[at++] = target[1] >> 8;
      o[at++] = target[1] & 0xff;
    } else {
      o[at++] = 0x91;
      o[at++] = target[0];
    }
    o[at] = 0xc6;
    writeUint32(o, at + 1, payload.length);
    o.set(payload, at + 5);
    this.#at = at + 5 + payload.length;
    this.#count++;
  }

  /** The finished frame, length first, and a fresh start. Sequence number, acknowledgement and seal are put in later. */
  take(): Buffer {
    const frame = Buffer.allocUnsafe(this.#at + sealTailBytes);
    this.#octets.copy(frame, 0, 0, this.#at);
    writeUint32(frame, 0, frame.length - 4);
    frame[4] = 0x98;
    frame[6] = frameType.data;
    frame[dataCountAt] = 0xdd;
    writeUint32(frame, dataCountAt + 1, this.#count);
    frame[this.#at] = 0xc4;
    frame[this.#at + 1] = sealBytes;
    if (this.#octets.length > 4 * limits.linkDataFrameBytesAim) this.#octets = Buffer.allocUnsafe(4_096);
    this.#at = dataItemsAt;
    this.#count = 0;
    return frame;
  }

  clear(): void {
    this.#at = dataItemsAt;
    this.#count = 0;
  }

  #grow(need: number): void {
    const larger = Buffer.allocUnsafe(Math.max(need, this.#octets.length * 2));
    this.#octets.copy(larger, 0, 0, this.#at);
    this.#octets = larger;
  }
}

/** Puts what is only known at the moment of writing into the head of a finished DATA frame (before its seal). */
export function stampData(
  frame: Buffer,
  mark: TableMark,
  seq: number,
  heardSeq: number,
  version: number = linkVersion,
): void {
  frame[5] = version;
  frame[7] = 0xcf;
  writeSafe(frame, 8, mark.epoch);
  frame[16] = 0xce;
  writeUint32(frame, 17, mark.nonce);
  frame[dataSeqAt] = 0xcf;
  writeSafe(frame, dataSeqAt + 1, seq);
  frame[dataHeardAt] = 0xcf;
  writeSafe(frame, dataHeardAt + 1, heardSeq);
}

/** Calls `visit` for every item of a DATA body that `decodeFrame` took. The payload is a view, good until visit returns. */
export function visitItems(body: Buffer, visit: (target: Target, payload: Buffer) => void): void {
  const count = readUint32(body, dataCountAt - 4 + 1);
  let at = dataItemsAt - 4;
  for (let i = 0; i < count; i++) {
    const kind = body[at + 2]!;
    let target: Target = controlTarget;
    if (kind === 0) {
      target = [0, (body[at + 4]! << 8) | body[at + 5]!, body[at + 6]!];
      at += 7;
    } else if (kind === 1) {
      target = [1, body[at + 3]!];
      at += 4;
    } else if (kind === 3) {
      target = [3, (body[at + 4]! << 8) | body[at + 5]!];
      at += 6;
    } else {
      if (kind === 4) target = relayTarget;
      at += 3;
    }
    const payloadAt = at + 5;
    at = payloadAt + readUint32(body, at + 1);
    visit(target, body.subarray(payloadAt, at));
  }
}

const controlTarget: Target = [2];
const relayTarget: Target = [4];

/** The head of a DATA body whose every item is well-formed, or undefined. Nothing is delivered before all of it is read. */
export function decodeData(body: Buffer, version: number = linkVersion): Data | undefined {
  const end = body.length - sealTailBytes;
  if (end < dataItemsAt - 4 || body.length > limits.linkFrameBytesMax) return undefined;
  if (body[0] !== 0x98 || body[1] !== version || body[3] !== 0xcf || body[12] !== 0xce) return undefined;
  if (body[dataSeqAt - 4] !== 0xcf || body[dataHeardAt - 4] !== 0xcf || body[dataCountAt - 4] !== 0xdd)
    return undefined;
  if (body[end] !== 0xc4 || body[end + 1] !== sealBytes) return undefined;
  const epoch = readSafe(body, 4);
  const seq = readSafe(body, dataSeqAt - 3);
  const heardSeq = readSafe(body, dataHeardAt - 3);
  if (epoch < 0 || seq < 0 || heardSeq < 0) return undefined;
  const count = readUint32(body, dataCountAt - 3);
  let at = dataItemsAt - 4;
  for (let i = 0; i < count; i++) {
    at = itemEnd(body, at, end);
    if (at < 0) return undefined;
  }
  if (at !== end) return undefined;
  return { type: 'data', mark: { epoch, nonce: readUint32(body, 13) }, seq, heardSeq, items: count };
}

/** Where the item at `at` ends, or -1 when it is not an item or does not end before `end`. */
function itemEnd(body: Buffer, at: number, end: number): number {
  if (end - at < 8 || body[at] !== 0x92) return -1;
  const head = body[at + 1];
  const kind = body[at + 2];
  if (head === 0x93 && kind === 0) {
    if (body[at + 3] !== 0xcd || ((body[at + 4]! << 8) | body[at + 5]!) >= limits.partitions) return -1;
    if (body[at + 6]! > limits.linkHopsMax) return -1;
    at += 7;
  } else if (head === 0x92 && kind === 1) {
    if (body[at + 3]! >= limits.workersPerNodeMax) return -1;
    at += 4;
  } else if (head === 0x92 && kind === 3) {
    if (body[at + 3] !== 0xcd || ((body[at + 4]! << 8) | body[at + 5]!) >= limits.partitions) return -1;
    at += 6;
  } else if (head === 0x91 && (kind === 2 || kind === 4)) at += 3;
  else return -1;
  if (end - at < 5 || body[at] !== 0xc6) return -1;
  const length = readUint32(body, at + 1);
  return length <= end - at - 5 ? at + 5 + length : -1;
}
