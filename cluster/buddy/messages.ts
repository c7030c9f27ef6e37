/**
 * What the owner of a partition and its buddy say to each other (target kind 3 of a link): positional MessagePack, first
 * field a number. The owner's words are `copy`, `stored`, `take` and `forget`; the buddy's are `ack`, `refused`, `tail` and
 * `held`. With `recall` a new owner asks the one before, who answers with `tail`. Rows are numbered in the order of their writes (`seq`), from 1 within one epoch of one partition.
 */
import { Buffer } from 'node:buffer';
import { packArray } from '../../actors/packer.ts';
import { unpackValue } from '../../actors/unpacker.ts';
import { limits } from '../../src/limits.ts';
import { checkMsgpack } from '../msgpack-check.ts';
import { copyOf } from '../octets.ts';
import { readAck, readCopy } from './quick.ts';
import type { SnapshotRow } from '../store-ports.ts';

/** A row of a tail: its number, key, value; null deletes it. */
export type TailRow = readonly [seq: number, key: string, value: Uint8Array | null];

export type OwnerWord =
  /**
   * All changes `from` to `seq`, of each key the last. `base`: everything up to it was in the store when this buddy was named there. `stored`:
   * everything up to it is in the store now.
   */
  | {
      readonly type: 'copy';
      readonly buddy: string;
      readonly epoch: number;
      readonly base: number;
      readonly from: number;
      readonly seq: number;
      readonly stored: number;
      readonly rows: readonly TailRow[];
    }
  | { readonly type: 'stored'; readonly epoch: number; readonly stored: number }
  /** The partition is sealed under `epoch`: nothing older may be acknowledged any more; tell what you have. */
  | { readonly type: 'take'; readonly buddy: string; readonly epoch: number }
  /** What `take` told is in the store now. */
  | { readonly type: 'forget'; readonly epoch: number };

/** To `keeper` (`ownerName`), who gave the partition to node `by`, where it is sealed under `epoch`: the store has lost some of it. */
export interface RecallWord {
  readonly type: 'recall';
  readonly keeper: string;
  readonly epoch: number;
  readonly by: string;
}

export type RefusalReason = 'fenced' | 'gap' | 'full';

export type BuddyWord =
  | { readonly type: 'ack'; readonly epoch: number; readonly base: number; readonly seq: number }
  | { readonly type: 'refused'; readonly epoch: number; readonly base: number; readonly reason: RefusalReason }
  /** The answer to `take` or `recall` of `epoch`: rows written under `tailEpoch`; 0 and none when there are none. */
  | {
      readonly type: 'tail';
      readonly epoch: number;
      readonly tailEpoch: number;
      readonly rows: readonly TailRow[];
      /** An answer has several parts, from 0, when it is long. */
      readonly part: number;
      readonly last: boolean;
    }
  /** It has had rows of this epoch for long: are they in the store? The answer may have been lost. */
  | { readonly type: 'held'; readonly buddy: string; readonly epoch: number };

export type Word = OwnerWord | BuddyWord | RecallWord;

/** What a row takes in memory, with what the maps take. */
export function rowBytes([, key, value]: TailRow): number {
  return 128 + key.length + (value === null ? 0 : value.length);
}

/** The answer to `take` or `recall` of `epoch`: rows written under `tailEpoch`, in as many words as their length wants. */
export function tailWords(epoch: number, tailEpoch: number, all: Iterable<TailRow>): BuddyWord[] {
  const words: BuddyWord[] = [];
  let rows: TailRow[] = [];
  let bytes = 0;
  for (const row of all) {
    const more = rowBytes(row);
    if (rows.length > 0 && bytes + more > limits.linkDataFrameBytesAim) {
      words.push({ type: 'tail', epoch, tailEpoch, rows, part: words.length, last: false });
      rows = [];
      bytes = 0;
    }
    rows.push(row);
    bytes += more;
  }
  words.push({ type: 'tail', epoch, tailEpoch, rows, part: words.length, last: true });
  return words;
}

const numbers = { copy: 0, stored: 1, take: 2, forget: 3, ack: 4, refused: 5, tail: 6, held: 7, recall: 8 } as const;
const reasons: readonly RefusalReason[] = ['fenced', 'gap', 'full'];

/** The octets are valid until anything is packed again. */
export function packWord(word: Word): Uint8Array {
  // Numbers, octets, text and arrays: nothing that it cannot pack.
  return packArray(fieldsOf(word))!;
}

function fieldsOf(word: Word): readonly unknown[] {
  switch (word.type) {
    case 'copy':
      return [numbers.copy, word.buddy, word.epoch, word.base, word.from, word.seq, word.stored, word.rows];
    case 'stored':
      return [numbers.stored, word.epoch, word.stored];
    case 'take':
      return [numbers.take, word.buddy, word.epoch];
    case 'forget':
      return [numbers.forget, word.epoch];
    case 'ack':
      return [numbers.ack, word.epoch, word.base, word.seq];
    case 'refused':
      return [numbers.refused, word.epoch, word.base, reasons.indexOf(word.reason)];
    case 'tail':
      return [numbers.tail, word.epoch, word.tailEpoch, word.rows, word.part, word.last];
    case 'held':
      return [numbers.held, word.buddy, word.epoch];
    case 'recall':
      return [numbers.recall, word.keeper, word.epoch, word.by];
  }
}

/** Whoever has given it away hears it, not who has it. */
export function isRecall(payload: Uint8Array): boolean {
  return payload.length >= 2 && payload[1] === numbers.recall;
}

/** True for what an owner says to its buddy, so that a router need not read the rest. */
export function isOwnerWord(payload: Uint8Array): boolean {
  // A fixarray of at most 15 fields, then the number of the word as a positive fixint.
  return payload.length >= 2 && payload[1]! <= numbers.forget;
}

export function isOwners(word: Word): word is OwnerWord {
  return word.type === 'copy' || word.type === 'stored' || word.type === 'take' || word.type === 'forget';
}

/** Undefined: not one of these words. Values are copies, so the octets may be used again. */
export function unpackWord(payload: Uint8Array): Word | undefined {
  const quick =
    payload[0] === 0x94 && payload[1] === numbers.ack
      ? readAck(payload)
      : payload[0] === 0x98 && payload[1] === numbers.copy
        ? readCopy(payload)
        : undefined;
  if (quick !== undefined) return quick;
  if (checkMsgpack(payload) !== undefined) return undefined;
  const fields: unknown = unpackValue(payload);
  if (!Array.isArray(fields)) return undefined;
  const [number, a, b, c, d, e, f, g] = fields as readonly unknown[];
  switch (number) {
    case numbers.copy: {
      const rows = rowsOf(g);
      if (typeof a !== 'string' || rows === undefined) return undefined;
      if (!isCount(b) || !isCount(c) || !isCount(d) || !isCount(e) || !isCount(f)) return undefined;
      return { type: 'copy', buddy: a, epoch: b, base: c, from: d, seq: e, stored: f, rows };
    }
    case numbers.stored:
      return isCount(a) && isCount(b) ? { type: 'stored', epoch: a, stored: b } : undefined;
    case numbers.take:
      return typeof a === 'string' && isCount(b) ? { type: 'take', buddy: a, epoch: b } : undefined;
    case numbers.forget:
      return isCount(a) ? { type: 'forget', epoch: a } : undefined;
    case numbers.ack:
      return isCount(a) && isCount(b) && isCount(c) ? { type: 'ack', epoch: a, base: b, seq: c } : undefined;
    case numbers.refused: {
      const reason = reasons[c as number];
      if (!isCount(a) || !isCount(b) || reason === undefined) return undefined;
      return { type: 'refused', epoch: a, base: b, reason };
    }
    case numbers.tail: {
      const rows = rowsOf(c);
      if (!isCount(a) || !isCount(b) || !isCount(d) || rows === undefined || typeof e !== 'boolean') return undefined;
      return { type: 'tail', epoch: a, tailEpoch: b, rows, part: d, last: e };
    }
    case numbers.held:
      return typeof a === 'string' && isCount(b) ? { type: 'held', buddy: a, epoch: b } : undefined;
    case numbers.recall:
      return typeof a === 'string' && isCount(b) && typeof c === 'string'
        ? { type: 'recall', keeper: a, epoch: b, by: c }
        : undefined;
    default:
      return undefined;
  }
}

function rowsOf(value: unknown): TailRow[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const rows: TailRow[] = [];
  for (const row of value as readonly unknown[]) {
    if (!Array.isArray(row)) return undefined;
    const [seq, key, octets] = row as readonly unknown[];
    if (!isCount(seq) || typeof key !== 'string') return undefined;
    // The octets are a view of the link's buffer.
    if (octets === null) rows.push([seq, key, null]);
    else if (octets instanceof Uint8Array) rows.push([seq, key, copyOf(octets)]);
    else return undefined;
  }
  return rows;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/**
 * The row of a partition in the store that says how far the store goes and who has the rest. It is written with the rows
 * that it speaks of, in one commit.
 */
export interface Marker {
  /** Of the owner that wrote it. */
  readonly epoch: number;
  /** Everything up to this row of that epoch is in the store. */
  readonly seq: number;
  /** `ownerName` of the node whose memory has the later writes, '' for nobody. */
  readonly buddy: string;
}

/** No entity's key begins so: theirs begin with their kind. */
export const markerKey = '~tail';

export function markerRow({ epoch, seq, buddy }: Marker): SnapshotRow {
  return [markerKey, Buffer.from(packArray([epoch, seq, buddy])!)];
}

export function readMarker(value: Uint8Array): Marker | undefined {
  if (checkMsgpack(value) !== undefined) return undefined;
  const fields: unknown = unpackValue(value);
  if (!Array.isArray(fields)) return undefined;
  const [epoch, seq, buddy] = fields as readonly unknown[];
  return isCount(epoch) && isCount(seq) && typeof buddy === 'string' ? { epoch, seq, buddy } : undefined;
}
