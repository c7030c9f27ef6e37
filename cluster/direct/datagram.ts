/**
 * What one worker says to another by a datagram:
 * `u8 version, u8 type, u32 to, u32 from, u64 cluster time, content, seal (16)`. Sender and receiver are named by the hash of
 * node, incarnation and worker. The seal is the first half of an HMAC-SHA256 of all before it, by a key that all nodes derive
 * from the cluster's secret: nobody else can say anything, and what was heard once is soon too old to be said again.
 *
 *   ITEM   u16 partition, u8 hops, payload
 *   PROBE  u64 number, octets up to the length of the longest item
 *   ECHO   u64 number of the probe
 *   WORD   u16 partition, what owner and buddy say to each other (buddy/messages.ts)
 */
import type { Hmac } from '../../src/hmac.ts';
import { limits } from '../../src/limits.ts';
import { readSafe, readUint32, writeSafe, writeUint32 } from '../octets.ts';
import { hasSeal, sealBytes, writeSeal } from '../seal.ts';

const version = 1;
const types = { item: 1, probe: 2, echo: 3, word: 4 } as const;
const headBytes = 1 + 1 + 4 + 4 + 8;
const itemHeadBytes = 2 + 1;
const wordHeadBytes = 2;
const numberBytes = 8;
/** Of an item without a payload. */
const datagramBytesMin = headBytes + itemHeadBytes + sealBytes;

/** Octets of the longest payload. Datagrams that are longer are cut into pieces on the way, or lost. */
export const directPayloadBytesMax = limits.directDatagramBytesMax - headBytes - itemHeadBytes - sealBytes;
/** Octets of the longest word. The network cuts its datagram into pieces, which is tried out first: probes are as long. */
export const directWordBytesMax = limits.directCopyBytesMax - headBytes - wordHeadBytes - sealBytes;

export interface Letterhead {
  /** Hash of the worker. */
  readonly to: number;
  readonly from: number;
  /** Cluster time when it was sent, whole milliseconds. */
  readonly sentMs: number;
}

export type Content =
  | { readonly type: 'item'; readonly partition: number; readonly hops: number; readonly payload: Buffer }
  | { readonly type: 'word'; readonly partition: number; readonly payload: Buffer }
  | { readonly type: 'probe'; readonly number: number }
  | { readonly type: 'echo'; readonly number: number };

export function packItem(head: Letterhead, partition: number, hops: number, payload: Uint8Array, mac: Hmac): Buffer {
  const octets = begin(types.item, head, itemHeadBytes + payload.length);
  octets[headBytes] = partition >> 8;
  octets[headBytes + 1] = partition & 0xff;
  octets[headBytes + 2] = hops;
  octets.set(payload, headBytes + itemHeadBytes);
  return sealed(octets, mac);
}

export function packDirectWord(head: Letterhead, partition: number, word: Uint8Array, mac: Hmac): Buffer {
  const octets = begin(types.word, head, wordHeadBytes + word.length);
  octets[headBytes] = partition >> 8;
  octets[headBytes + 1] = partition & 0xff;
  octets.set(word, headBytes + wordHeadBytes);
  return sealed(octets, mac);
}

/** As long as the longest item, or so many octets, so that it proves that such a one comes through. */
export function packProbe(
  head: Letterhead,
  number: number,
  mac: Hmac,
  bytes: number = limits.directDatagramBytesMax,
): Buffer {
  const octets = begin(types.probe, head, bytes - headBytes - sealBytes);
  octets.fill(0, headBytes);
  writeSafe(octets, headBytes, number);
  return sealed(octets, mac);
}

export function packEcho(head: Letterhead, number: number, mac: Hmac): Buffer {
  const octets = begin(types.echo, head, numberBytes);
  writeSafe(octets, headBytes, number);
  return sealed(octets, mac);
}

/** Whether it carries the right seal and can be read. Takes the same time wherever the seal differs. */
export function isGenuine(octets: Buffer, mac: Hmac): boolean {
  if (octets.length < datagramBytesMin || octets.length > limits.directCopyBytesMax) return false;
  return octets[0] === version && hasSeal(octets, nothing, mac);
}

/** As what it is dropped and counted; undefined: it is for the end of this name, and not late. */
export function refusalOf(octets: Buffer, name: number, clusterMs: number, mac: Hmac): string | undefined {
  if (!isGenuine(octets, mac)) return 'dropped-direct-unsealed';
  // For the process that had this port before, or an older one of this node.
  if (readUint32(octets, 2) !== name) return 'dropped-direct-astray';
  return Math.abs(clusterMs - readSafe(octets, 10)) > limits.datagramLateMs ? 'dropped-direct-late' : undefined;
}

/** Of what is genuine. */
export function headOf(octets: Buffer): Letterhead {
  return { to: readUint32(octets, 2), from: readUint32(octets, 6), sentMs: readSafe(octets, 10) };
}

/** Of what is genuine; a payload is a view. Undefined: of a type that we do not know, or too short for its own. */
export function contentOf(octets: Buffer): Content | undefined {
  const end = octets.length - sealBytes;
  if (octets[1] === types.item) {
    const partition = (octets[headBytes]! << 8) | octets[headBytes + 1]!;
    const payload = octets.subarray(headBytes + itemHeadBytes, end);
    return { type: 'item', partition, hops: octets[headBytes + 2]!, payload };
  }
  if (octets[1] === types.word) {
    const partition = (octets[headBytes]! << 8) | octets[headBytes + 1]!;
    return { type: 'word', partition, payload: octets.subarray(headBytes + wordHeadBytes, end) };
  }
  if (end - headBytes < numberBytes) return undefined;
  const number = readSafe(octets, headBytes);
  if (octets[1] === types.probe) return { type: 'probe', number };
  return octets[1] === types.echo ? { type: 'echo', number } : undefined;
}

function begin(type: number, { to, from, sentMs }: Letterhead, contentBytes: number): Buffer {
  const octets = Buffer.allocUnsafe(headBytes + contentBytes + sealBytes);
  octets[0] = version;
  octets[1] = type;
  writeUint32(octets, 2, to);
  writeUint32(octets, 6, from);
  writeSafe(octets, 10, sentMs);
  return octets;
}

function sealed(octets: Buffer, mac: Hmac): Buffer {
  writeSeal(octets, 0, nothing, mac);
  return octets;
}

const nothing = new Uint8Array(0);
