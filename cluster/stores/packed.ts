/**
 * Write batches and loaded rows as one run of octets each, so that a message between threads moves one ArrayBuffer, or
 * carries one short text, instead of cloning thousands of objects. Only ever read by the same build in the same process: no version, no checks.
 *
 * A write:  id u32, durable u8, partition u16, epoch f64, owner text, rows u32, then per row key text, value
 * A row:    partition u16, key text, value
 * text = octets u32, UTF-8; value = octets u32 (0xffffffff: deleted), octets
 */
import { octetsIn, shortText } from '../octets.ts';
import type { LoadedRow, SnapshotRow, WriteBatch } from '../store-ports.ts';

export interface NumberedWrite {
  readonly id: number;
  readonly durable: boolean;
  readonly batch: WriteBatch;
}

const deleted = 0xffff_ffff;

/** Collects octets in a buffer of its own that doubles, and gives it away whole. */
export class Packer {
  #buffer = Buffer.allocUnsafeSlow(65_536);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  write(
    id: number,
    durable: boolean,
    partition: number,
    epoch: number,
    owner: string,
    rows: readonly SnapshotRow[],
  ): void {
    this.#reserve(19);
    this.#length = this.#buffer.writeUInt32LE(id, this.#length);
    this.#length = this.#buffer.writeUInt8(durable ? 1 : 0, this.#length);
    this.#length = this.#buffer.writeUInt16LE(partition, this.#length);
    this.#length = this.#buffer.writeDoubleLE(epoch, this.#length);
    this.#text(owner);
    this.#reserve(4);
    this.#length = this.#buffer.writeUInt32LE(rows.length, this.#length);
    for (const [key, value] of rows) {
      this.#text(key);
      this.#value(value);
    }
  }

  row({ partition, key, value }: LoadedRow): void {
    this.#reserve(2);
    this.#length = this.#buffer.writeUInt16LE(partition, this.#length);
    this.#text(key);
    this.#value(value);
  }

  /** The octets so far, in an ArrayBuffer that may be transferred. The packer starts afresh. */
  take(): Uint8Array<ArrayBuffer> {
    const octets = new Uint8Array(this.#buffer.buffer, this.#buffer.byteOffset, this.#length);
    this.#buffer = Buffer.allocUnsafeSlow(65_536);
    this.#length = 0;
    return octets;
  }

  /**
   * As `take`; few octets as a text of as many chars, which costs a message less than memory that changes its owner, and the
   * packer keeps its own.
   */
  takeShort(): Uint8Array<ArrayBuffer> | string {
    const text = shortText(this.#buffer, this.#length);
    if (text === undefined) return this.take();
    this.#length = 0;
    return text;
  }

  #text(text: string): void {
    // UTF-8 takes at most three octets for one UTF-16 unit.
    this.#reserve(4 + text.length * 3);
    const octets = this.#buffer.write(text, this.#length + 4, 'utf8');
    this.#buffer.writeUInt32LE(octets, this.#length);
    this.#length += 4 + octets;
  }

  #value(value: Uint8Array | null): void {
    this.#reserve(4 + (value?.length ?? 0));
    this.#length = this.#buffer.writeUInt32LE(value === null ? deleted : value.length, this.#length);
    if (value === null) return;
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  #reserve(octets: number): void {
    if (this.#length + octets <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#length + octets));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** Values are views of `octets`, not copies. A text has a char for each octet. */
export function unpackWrites(octets: Uint8Array | string): NumberedWrite[] {
  const reader = new Reader(octets);
  const writes: NumberedWrite[] = [];
  while (!reader.atEnd) {
    const id = reader.u32();
    const durable = reader.u8() === 1;
    const partition = reader.u16();
    const epoch = reader.f64();
    const owner = reader.text();
    const rows: SnapshotRow[] = [];
    for (let left = reader.u32(); left > 0; left--) rows.push([reader.text(), reader.value()]);
    writes.push({ id, durable, batch: { partition, epoch, owner, rows } });
  }
  return writes;
}

/** Values are views of `octets`, not copies. */
export function unpackRows(octets: Uint8Array): LoadedRow[] {
  const reader = new Reader(octets);
  const rows: LoadedRow[] = [];
  while (!reader.atEnd) {
    rows.push({ partition: reader.u16(), key: reader.text(), value: reader.value() ?? new Uint8Array(0) });
  }
  return rows;
}

class Reader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(octets: Uint8Array | string) {
    this.#buffer = octetsIn(octets);
  }

  get atEnd(): boolean {
    return this.#at >= this.#buffer.length;
  }
  u8(): number {
    return this.#buffer.readUInt8(this.#step(1));
  }
  u16(): number {
    return this.#buffer.readUInt16LE(this.#step(2));
  }
  u32(): number {
    return this.#buffer.readUInt32LE(this.#step(4));
  }
  f64(): number {
    return this.#buffer.readDoubleLE(this.#step(8));
  }
  text(): string {
    const octets = this.u32();
    const start = this.#step(octets);
    return this.#buffer.toString('utf8', start, start + octets);
  }
  value(): Uint8Array | null {
    const octets = this.u32();
    if (octets === deleted) return null;
    const start = this.#step(octets);
    return this.#buffer.subarray(start, start + octets);
  }
  #step(octets: number): number {
    const at = this.#at;
    this.#at += octets;
    return at;
  }
}
