/**
 * Snapshot rows: how the state of an entity stands in the store.
 *
 * key   = kind + ':' + key of the entity
 * value = MessagePack [schema, kind number, version, saved at ms, wake at ms (0 never), packed state as bin]
 *
 * The state is nested as bytes so that a node that takes over thousands of entities reads only the six fields, and unpacks
 * an entity when it is needed or its wake-up time has come. Integers have a fixed width, so the head has a fixed length.
 */
import { Encoder } from '@msgpack/msgpack';
import { limits } from '../src/limits.ts';
import { type Kind, kindNumbers } from './entity.ts';
import { kindOf } from './envelope.ts';
import { packArray } from './packer.ts';
import { unpackValue } from './unpacker.ts';

/** Of the six fields, not of the state in them, which carries the schema number of its behaviour. */
export const snapshotSchema = 1;

/** Bytes of a packed state, one per char code: without the overhead of a typed array for each of a million entities. */
export type Packed = string;

export interface Snapshot {
  readonly kind: Kind;
  readonly version: number;
  readonly savedAtMs: number;
  readonly wakeAtMs: number;
  readonly packed: Packed;
}

/** A row without its kind: the key of the entity. */
interface Row {
  readonly key: string;
  readonly snapshot: Snapshot;
}

const headBytes = 35;
const encoder = new Encoder();

export function rowKey(kind: Kind, key: string): string {
  return `${kind}:${key}`;
}

/** @throws when the state cannot be MessagePack or is over `limits.snapshotBytesMax`. */
export function packState(state: readonly unknown[]): Packed {
  const bytes = packOctets(state);
  if (bytes.length > limits.snapshotBytesMax) throw new Error(`snapshot of ${bytes.length} bytes is over the limit`);
  return bufferOf(bytes).toString('latin1');
}

/** A view that is good until the next call. @throws when the values cannot be MessagePack. */
export function packOctets(values: readonly unknown[]): Uint8Array {
  return packArray(values) ?? encoder.encodeSharedRef(values);
}

/** @throws when the bytes are not an array. */
export function unpackState(packed: Packed): readonly unknown[] {
  return unpackOctets(Buffer.from(packed, 'latin1'));
}

/** What it has of octets are views. @throws when they are not an array. */
export function unpackOctets(octets: Buffer): readonly unknown[] {
  const state = unpackValue(octets);
  if (!Array.isArray(state)) throw new Error('a packed state is an array');
  return state;
}

/** Numbers are integers: milliseconds are cut to whole ones. */
export function encodeRow(snapshot: Snapshot): Buffer {
  const row = Buffer.allocUnsafe(headBytes + snapshot.packed.length);
  row[0] = 0x96;
  row[1] = snapshotSchema;
  row[2] = kindNumbers[snapshot.kind];
  writeUint64(row, 3, snapshot.version);
  writeUint64(row, 12, snapshot.savedAtMs);
  writeUint64(row, 21, snapshot.wakeAtMs);
  row[30] = 0xc6;
  row.writeUInt32BE(snapshot.packed.length, 31);
  row.write(snapshot.packed, headBytes, 'latin1');
  return row;
}

/** `undefined`: the row and its key do not belong together, or a version of Carillon wrote it that we do not know. */
export function decodeRow(key: string, value: Uint8Array): Row | undefined {
  if (hasFixedHead(value)) return decodeFixed(key, value);
  let fields: unknown;
  try {
    fields = unpackValue(value);
  } catch {
    return undefined;
  }
  if (!Array.isArray(fields) || fields.length !== 6) return undefined;
  const [schema, kindNumber, version, savedAtMs, wakeAtMs, packed] = fields as readonly unknown[];
  const kind = kindOf(kindNumber);
  if (schema !== snapshotSchema || kind === undefined || !isKeyOf(kind, key)) return undefined;
  if (!isCount(version) || !isCount(savedAtMs) || !isCount(wakeAtMs) || !(packed instanceof Uint8Array))
    return undefined;
  const bytes = bufferOf(packed).toString('latin1');
  return { key: key.slice(kind.length + 1), snapshot: { kind, version, savedAtMs, wakeAtMs, packed: bytes } };
}

/** As `encodeRow` writes it. */
function hasFixedHead(value: Uint8Array): boolean {
  return (
    value.length >= headBytes &&
    value[0] === 0x96 &&
    value[1]! < 0x80 &&
    value[2]! < 0x80 &&
    value[3] === 0xcf &&
    value[12] === 0xcf &&
    value[21] === 0xcf &&
    value[30] === 0xc6 &&
    readUint32(value, 31) === value.length - headBytes
  );
}

function decodeFixed(key: string, value: Uint8Array): Row | undefined {
  const kind = kindOf(value[2]);
  if (value[1] !== snapshotSchema || kind === undefined || !isKeyOf(kind, key)) return undefined;
  const version = readUint64(value, 4);
  const savedAtMs = readUint64(value, 13);
  const wakeAtMs = readUint64(value, 22);
  if (!isCount(version) || !isCount(savedAtMs) || !isCount(wakeAtMs)) return undefined;
  const packed = bufferOf(value).toString('latin1', headBytes);
  return { key: key.slice(kind.length + 1), snapshot: { kind, version, savedAtMs, wakeAtMs, packed } };
}

function isKeyOf(kind: Kind, key: string): boolean {
  return key.startsWith(kind) && key.charCodeAt(kind.length) === 0x3a;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readUint64(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) * 2 ** 32 + readUint32(bytes, at + 4);
}

function readUint32(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 2 ** 24 + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!);
}

function writeUint64(row: Buffer, at: number, value: number): void {
  const whole = Math.floor(value);
  row[at] = 0xcf;
  row.writeUInt32BE(Math.floor(whole / 2 ** 32), at + 1);
  row.writeUInt32BE(whole >>> 0, at + 5);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
