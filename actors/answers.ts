/**
 * The answers that may have to be said again until timer J (RFC 3261 17.2.2: "retransmit the response"), found by the request
 * that repeats itself: octets outside of the heap, one after the other in large pieces, with a table of their hashes. What
 * came within some seconds has pieces and a table of its own and is forgotten as a whole. One per worker.
 *
 * As transactions of their users they would be some kilobytes each for the collector to carry for half a minute.
 */
import { Buffer } from 'node:buffer';
import { limits } from '../src/limits.ts';
import type { Flow } from '../src/outside.ts';
import { Chore } from './chore.ts';
import { Pieces } from './pieces.ts';
import { textHash } from './text-hash.ts';
import type { Wheel } from './wheel.ts';

export interface Answer {
  readonly flow: Flow;
  readonly response: Uint8Array;
  /** Cluster time. */
  readonly untilMs: number;
}

export class Answers {
  readonly #wheel: Wheel;
  /** Oldest first; what is new goes to the last one. */
  readonly #spans: Span[] = [];
  readonly #pieces = new Pieces();
  readonly #sweep: Chore;
  readonly #seed: number;

  /** @param seed textHash */
  constructor(wheel: Wheel, seed: number) {
    this.#wheel = wheel;
    this.#seed = seed;
    this.#sweep = new Chore((nowMs) => this.#forgetOld(nowMs));
  }

  /** Pieces that are held, for tests and figures. */
  get pieceCount(): number {
    return this.#pieces.count;
  }

  /**
   * Copies the answer that `entity` gave to the request of this key over datagrams, in place of an earlier one. False when
   * there is no room for so much.
   */
  put(entity: string, key: string, flow: Flow, response: Uint8Array, nowMs: number, untilMs: number): boolean {
    const { address, connection } = flow;
    if (entity.length > textCharsMax || key.length > textCharsMax) return false;
    const count = headBytes + entity.length + key.length + address.length + connection.length + response.length;
    let span = this.#spans.at(-1);
    if (span === undefined || !(nowMs < span.sinceMs + spanMs && nowMs >= span.sinceMs)) span = this.#begin(nowMs);
    if (span.length + count > limits.memoryPieceBytes) {
      const opened = count > limits.memoryPieceBytes ? undefined : this.#pieces.open();
      if (opened === undefined) return false;
      span.pieces.push(opened);
      span.length = 0;
    }
    const piece = span.pieces.at(-1)!;
    const start = span.length;
    piece.writeDoubleLE(untilMs, start);
    piece.writeUInt16LE(entity.length, start + 8);
    piece.writeUInt16LE(key.length, start + 10);
    piece.writeUInt16LE(flow.listener, start + 12);
    piece.writeUInt16LE(flow.port, start + 14);
    piece.writeUInt16LE(address.length, start + 16);
    piece.writeUInt16LE(connection.length, start + 18);
    piece.writeUInt32LE(response.length, start + 20);
    let at = start + headBytes;
    at += write(piece, entity, at);
    at += write(piece, key, at);
    at += write(piece, address, at);
    at += write(piece, connection, at);
    piece.set(response, at);
    span.length = at + response.length;
    if (untilMs > span.untilMs) span.untilMs = untilMs;
    const hash = textHash(key, textHash(entity, this.#seed));
    const known = placeIn(span, hash, entity, key);
    const place = (span.pieces.length - 1) * limits.memoryPieceBytes + start;
    if (known >= 0) span.table[known + 1] = place;
    else enter(span, hash, place);
    if (this.#sweep.place < 0) this.#wheel.schedule(this.#sweep, this.#spans[0]!.untilMs);
    return true;
  }

  /** What was answered, a copy. `undefined`: nothing, or its time has passed. */
  find(entity: string, key: string, nowMs: number): Answer | undefined {
    const hash = textHash(key, textHash(entity, this.#seed));
    for (let index = this.#spans.length - 1; index >= 0; index--) {
      const span = this.#spans[index]!;
      const known = placeIn(span, hash, entity, key);
      if (known >= 0) return answerAt(span, span.table[known + 1]!, nowMs);
    }
    return undefined;
  }

  #begin(nowMs: number): Span {
    const last = this.#spans.at(-1);
    // As many will come as did before.
    const places = last === undefined ? placesMin : Math.max(placesMin, last.table.length / 2);
    const table = new Int32Array(last !== undefined && last.count * 8 < places ? places : places * 2).fill(free);
    const span: Span = {
      sinceMs: nowMs,
      untilMs: nowMs,
      pieces: [],
      length: limits.memoryPieceBytes,
      table,
      count: 0,
    };
    this.#spans.push(span);
    return span;
  }

  #forgetOld(nowMs: number): void {
    while (this.#spans.length > 0 && this.#spans[0]!.untilMs <= nowMs)
      for (const piece of this.#spans.shift()!.pieces) this.#pieces.close(piece);
    if (this.#spans.length > 0) this.#wheel.schedule(this.#sweep, this.#spans[0]!.untilMs);
  }
}

/** What came within `spanMs`. */
interface Span {
  readonly sinceMs: number;
  /** When the last of it has lost its meaning. */
  untilMs: number;
  readonly pieces: Buffer[];
  /** Of what is in the last piece. */
  length: number;
  /** Pairs of hash and place; the place is {@link free} where there is nothing. A power of two, at most half of it taken. */
  table: Int32Array;
  count: number;
}

const spanMs = 16_000;
const free = -1;
const placesMin = 256;
/** Its end, cluster time; the lengths of its texts, listener and port; the length of the response. */
const headBytes = 24;
const textCharsMax = 0xffff;

/** Characters of SIP messages are octets. They are few: a call into the runtime would cost more. */
function write(piece: Buffer, text: string, at: number): number {
  for (let index = 0; index < text.length; index++) piece[at + index] = text.charCodeAt(index);
  return text.length;
}

/** The index of its hash in the table, negative when there is none. */
function placeIn({ table, pieces }: Span, hash: number, entity: string, key: string): number {
  const mask = table.length - 2;
  for (let at = (hash << 1) & mask; ; at = (at + 2) & mask) {
    const place = table[at + 1]!;
    if (place === free) return -1;
    if (table[at] === hash && isOf(pieces, place, entity, key)) return at;
  }
}

function isOf(pieces: readonly Buffer[], place: number, entity: string, key: string): boolean {
  const piece = pieces[Math.floor(place / limits.memoryPieceBytes)]!;
  const start = place % limits.memoryPieceBytes;
  const middle = start + headBytes + entity.length;
  return (
    piece.readUInt16LE(start + 8) === entity.length &&
    piece.readUInt16LE(start + 10) === key.length &&
    piece.toString('latin1', start + headBytes, middle) === entity &&
    piece.toString('latin1', middle, middle + key.length) === key
  );
}

function enter(span: Span, hash: number, place: number): void {
  if (span.count * 4 >= span.table.length) grow(span);
  seat(span.table, hash, place);
  span.count++;
}

function grow(span: Span): void {
  const table = new Int32Array(span.table.length * 2).fill(free);
  for (let at = 0; at < span.table.length; at += 2)
    if (span.table[at + 1] !== free) seat(table, span.table[at]!, span.table[at + 1]!);
  span.table = table;
}

function seat(table: Int32Array, hash: number, place: number): void {
  const mask = table.length - 2;
  let at = (hash << 1) & mask;
  while (table[at + 1] !== free) at = (at + 2) & mask;
  table[at] = hash;
  table[at + 1] = place;
}

function answerAt({ pieces }: Span, place: number, nowMs: number): Answer | undefined {
  const piece = pieces[Math.floor(place / limits.memoryPieceBytes)]!;
  const start = place % limits.memoryPieceBytes;
  const untilMs = piece.readDoubleLE(start);
  if (untilMs <= nowMs) return undefined;
  let at = start + headBytes + piece.readUInt16LE(start + 8) + piece.readUInt16LE(start + 10);
  const address = piece.toString('latin1', at, (at += piece.readUInt16LE(start + 16)));
  const connection = piece.toString('latin1', at, (at += piece.readUInt16LE(start + 18)));
  const response = Buffer.from(piece.subarray(at, at + piece.readUInt32LE(start + 20)));
  const listener = piece.readUInt16LE(start + 12);
  const port = piece.readUInt16LE(start + 14);
  return { flow: { protocol: 'udp', listener, address, port, connection }, response, untilMs };
}
