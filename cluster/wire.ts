/**
 * The frames between two nodes: `u32be length`, then one MessagePack array
 * `[version, type, table epoch, table nonce, ...]`, as octets <-> values and nothing else.
 *
 *   HELLO      cluster, node, to, incarnation, lowest version, highest version, random (32), stream, heard stream, heard seq,
 *              lowest and highest schema read, highest schema written
 *   CHALLENGE  the same fields, from the other side
 *   PROOF      HMAC (32) over both of the above
 *   HEARTBEAT  sent at, echo of the peer's sent at, highest seq heard, extra octets of the control, room for octets,
 *              ms that the echo was held, seal
 *   DATA       seq, highest seq heard, items [[target, payload], ...], seal
 *   CLOSE      reason, seal (empty when it answers a greeting)
 *
 * The seal is the last element of every frame after the handshake: the first 16 octets of an HMAC-SHA256 over all octets
 * in front of it and the number of the frame on this connection (cluster/handshake.ts makes the keys). So nobody on the
 * path can add, change, repeat or drop a frame, and a damaged frame is never delivered.
 *
 * DATA is the hot one: cluster/data-frame.ts. The others are read after cluster/msgpack-check.ts has seen them.
 */
import { packArray } from '../actors/packer.ts';
import { unpackValue } from '../actors/unpacker.ts';
import type { Hmac } from '../src/hmac.ts';
import { limits } from '../src/limits.ts';
import { decodeData, frameType, linkVersion, sealTailBytes } from './data-frame.ts';
import type { Data, TableMark } from './data-frame.ts';
import { checkMsgpack } from './msgpack-check.ts';
import { writeSafe, writeUint32 } from './octets.ts';
import { hasSeal, sealBytes, writeSeal } from './seal.ts';
import type { VersionRange, Versions } from './versions.ts';

/** HELLO and CHALLENGE. `stream` names the sender's run of DATA numbers; `heard*` what it last had of the other's. */
export interface Greeting {
  readonly type: 'hello' | 'challenge';
  readonly mark: TableMark;
  readonly cluster: string;
  readonly node: string;
  readonly to: string;
  readonly incarnation: number;
  readonly versions: Versions;
  readonly random: Uint8Array;
  readonly stream: number;
  readonly heardStream: number;
  readonly heardSeq: number;
}

export interface Proof {
  readonly type: 'proof';
  readonly mark: TableMark;
  readonly mac: Uint8Array;
}

/** Times are whole milliseconds of the sender's own monotonic clock; `echoMs` is the newest `sentMs` it had of us, 0 none. */
export interface Heartbeat {
  readonly type: 'heartbeat';
  readonly mark: TableMark;
  readonly sentMs: number;
  readonly echoMs: number;
  readonly heardSeq: number;
  readonly extra: Uint8Array;
  /** Octets of items that the receiver may have under way to the sender from now on, beyond `heardSeq`. */
  readonly roomBytes: number;
  /** Milliseconds between the heartbeat that is echoed and this one: no part of the round trip. */
  readonly heldMs: number;
}

export interface Close {
  readonly type: 'close';
  readonly mark: TableMark;
  readonly reason: string;
}

export type Frame = Greeting | Proof | Heartbeat | Data | Close;

export const macBytes = 32;
export const randomBytes = 32;
const closeReasonCharsMax = 160;

/** The octets of a frame, length first. Those that carry a seal leave with an empty one: see `seal`. */
export function encodeFrame(frame: Exclude<Frame, Data>, version: number = linkVersion): Buffer {
  const { epoch, nonce } = frame.mark;
  switch (frame.type) {
    case 'hello':
    case 'challenge':
      return lengthFirst([
        linkVersion,
        frameType[frame.type],
        epoch,
        nonce,
        frame.cluster,
        frame.node,
        frame.to,
        frame.incarnation,
        frame.versions.link.min,
        frame.versions.link.max,
        frame.random,
        frame.stream,
        frame.heardStream,
        frame.heardSeq,
        frame.versions.schema.reads.min,
        frame.versions.schema.reads.max,
        frame.versions.schema.writes,
      ]);
    case 'proof':
      return lengthFirst([linkVersion, frameType.proof, epoch, nonce, frame.mac]);
    case 'heartbeat':
      return lengthFirst([
        version,
        frameType.heartbeat,
        epoch,
        nonce,
        frame.sentMs,
        frame.echoMs,
        frame.heardSeq,
        frame.extra,
        frame.roomBytes,
        frame.heldMs,
        emptySeal,
      ]);
    case 'close':
      return lengthFirst([
        version,
        frameType.close,
        epoch,
        nonce,
        frame.reason.slice(0, closeReasonCharsMax),
        emptySeal,
      ]);
  }
}

/** The frame in `body` (without its length), or undefined when it is not exactly one. Reads shapes; trusts nothing. */
export function decodeFrame(body: Buffer, version: number = linkVersion): Frame | undefined {
  if (body.length >= 3 && body[2] === frameType.data) return decodeData(body, version);
  if (checkMsgpack(body, frameBounds) !== undefined) return undefined;
  const row = unpackValue(body);
  if (!Array.isArray(row) || row[0] !== version || !isCount(row[2]) || !isNonce(row[3])) return undefined;
  const mark = { epoch: row[2], nonce: row[3] };
  switch (row[1]) {
    case frameType.hello:
      return decodeGreeting('hello', mark, row);
    case frameType.challenge:
      return decodeGreeting('challenge', mark, row);
    case frameType.proof:
      return row.length === 5 && isOctets(row[4], macBytes) ? { type: 'proof', mark, mac: row[4] } : undefined;
    case frameType.heartbeat:
      return decodeHeartbeat(mark, row);
    case frameType.close:
      if (row.length !== 6 || !isText(row[4], closeReasonCharsMax) || !isOctets(row[5], sealBytes)) return undefined;
      return { type: 'close', mark, reason: row[4] };
    default:
      return undefined;
  }
}

/** Writes the seal of the `number`th frame of a connection into `frame` (length first). */
export function seal(frame: Buffer, mac: Hmac, number: number): void {
  writeSeal(frame, 4, octetsOf(number), mac);
}

/** Whether `body` (without its length) carries the right seal. Takes the same time wherever it differs. */
export function isSealed(body: Buffer, mac: Hmac, number: number): boolean {
  return body.length >= sealTailBytes && hasSeal(body, octetsOf(number), mac);
}

/** Good until the next one. */
function octetsOf(number: number): Uint8Array {
  writeSafe(numberOctets, 0, number);
  return numberOctets;
}

const frameBounds = { depthMax: 2, membersMax: 32 };
const emptySeal = new Uint8Array(sealBytes);
const numberOctets = Buffer.alloc(8);

function lengthFirst(row: readonly unknown[]): Buffer {
  // Numbers, octets and text: nothing that it cannot pack.
  const body = packArray(row)!;
  const frame = Buffer.allocUnsafe(4 + body.length);
  writeUint32(frame, 0, body.length);
  frame.set(body, 4);
  return frame;
}

/** Fields behind the last known one are let pass: a later version may say more. */
function decodeGreeting(type: 'hello' | 'challenge', mark: TableMark, row: readonly unknown[]): Greeting | undefined {
  const [, , , , cluster, node, to, incarnation, min, max, random, stream, heardStream, heardSeq] = row;
  if (!isText(cluster, limits.linkNodeIdBytesMax) || !isNodeId(node) || !isText(to, limits.linkNodeIdBytesMax))
    return undefined;
  const link = rangeOf(min, max);
  const reads = rangeOf(row[14], row[15]);
  const writes = row[16];
  if (!isCount(incarnation) || link === undefined || reads === undefined || !isCount(writes)) return undefined;
  if (writes < reads.min || writes > reads.max) return undefined;
  if (!isOctets(random, randomBytes) || !isCount(stream) || !isCount(heardStream) || !isCount(heardSeq))
    return undefined;
  const versions = { link, schema: { reads, writes } };
  return { type, mark, cluster, node, to, incarnation, versions, random, stream, heardStream, heardSeq };
}

function rangeOf(min: unknown, max: unknown): VersionRange | undefined {
  return isCount(min) && isCount(max) && min <= max ? { min, max } : undefined;
}

function decodeHeartbeat(mark: TableMark, row: readonly unknown[]): Heartbeat | undefined {
  const [, , , , sentMs, echoMs, heardSeq, extra, roomBytes, heldMs, mac] = row;
  if (
    row.length !== 11 ||
    !isCount(roomBytes) ||
    !isCount(heldMs) ||
    !isCount(sentMs) ||
    !isCount(echoMs) ||
    !isCount(heardSeq) ||
    !isOctets(mac, sealBytes)
  )
    return undefined;
  if (!(extra instanceof Uint8Array) || extra.length > limits.linkHeartbeatExtraBytesMax) return undefined;
  return { type: 'heartbeat', mark, sentMs, echoMs, heardSeq, extra, roomBytes, heldMs };
}

/** A node's name as it may stand in a frame: printable ASCII without blank and `/`, since connection names are made of it. */
export function isNodeId(value: unknown): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > limits.linkNodeIdBytesMax) return false;
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if (c <= 0x20 || c >= 0x7f || c === 0x2f) return false;
  }
  return true;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isNonce(value: unknown): value is number {
  return isCount(value) && value <= 0xffff_ffff;
}

function isText(value: unknown, charsMax: number): value is string {
  return typeof value === 'string' && value.length <= charsMax;
}

function isOctets(value: unknown, length: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length === length;
}
