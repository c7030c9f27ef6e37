/**
 * One partition as its owner keeps it in two places: which rows the store lacks, which the buddy has, and who waits for
 * what. It knows neither messages nor time; `replicator.ts` does what it says.
 */
import type { Late, Row } from '../../actors/ports.ts';
import type { Done } from '../store-access.ts';
import type { WriteReply } from '../store-ports.ts';
import type { TailRow } from './messages.ts';

export interface Waiter {
  /** The last of its rows. */
  readonly seq: number;
  /** Must be in the store: the memory of two nodes is not enough. */
  readonly durable: boolean;
  readonly done: Done<WriteReply>;
  /** The store refused it for now; the buddy's word is good enough then. */
  storeError: Parameters<Done<WriteReply>>[0];
}

/** A write to the store that is under way. */
export interface Flight {
  readonly rows: readonly TailRow[];
  /** Its waiters are those after `after`, up to `upTo`. */
  readonly after: number;
  readonly upTo: number;
  /** Named as buddy in the marker that goes along; undefined: no marker goes along. */
  readonly names: string | undefined;
}

interface Behind {
  row: TailRow;
  underWay: boolean;
}

export class Track {
  readonly partition: number;
  readonly epoch: number;
  readonly owner: string;
  /** Of the last row. */
  seq = 0;
  /** Rows that the store has not acknowledged, the last of each key, in the order of their last change. */
  readonly #behind = new Map<string, Behind>();
  /** {@link none} or an array of its own: an empty one that got old would take those with it who are pushed to it. */
  #waiters: Waiter[] = none;
  /** Whose rows are asked for when they are handed to the store. */
  #late: Late[] = noLate;
  #rowOf: ((late: Late) => Row | undefined) | undefined = undefined;
  /** The last row that was handed to the store. */
  #submitted = 0;
  /** Everything up to here is in the store. */
  stored = 0;
  readonly flights = new Set<Flight>();

  /** Whom the table names and we have a link to, '' for nobody. */
  wanted = '';
  /** Whose acknowledgements count, '' for nobody: the store knows that it has what the store lacks. */
  relied = '';
  /** The store had everything up to here when it heard of the buddy. */
  base = 0;
  /** The last row sent to the buddy, and when the oldest unacknowledged one was. */
  copied = 0;
  /** The last of them that went over the link: later ones went as datagrams, which may be lost. */
  linked = 0;
  acked = 0;
  unackedSinceMs = 0;
  notBeforeMs = 0;
  /** The store's marker may name somebody. */
  isMarked = false;
  /** About to be given away: the marker is to name nobody. */
  leaving = false;
  /** Who was relied on until then, '' for nobody: he still has what the store had not. */
  former = '';

  constructor(partition: number, epoch: number, owner: string) {
    this.partition = partition;
    this.epoch = epoch;
    this.owner = owner;
  }

  /** Everything is in the store, and nobody waits. */
  get isStored(): boolean {
    return this.#behind.size === 0 && this.flights.size === 0 && this.#late.length === 0;
  }

  /** Some of the last copies went as datagrams. */
  get hasDatagrams(): boolean {
    return this.copied > this.linked;
  }

  /** Nobody need be asked for what the store lacks, though the marker may still say so. */
  get hasToUnmark(): boolean {
    return this.leaving && this.isMarked;
  }

  get behindCount(): number {
    return this.#behind.size + this.#late.length;
  }

  get hasUnsubmitted(): boolean {
    if (this.#late.length > 0) return true;
    for (const { underWay } of this.#behind.values()) if (!underWay) return true;
    return false;
  }

  put(key: string, value: Uint8Array | null): void {
    this.seq++;
    // Mostly there is none, and each look-up of a new text is one in V8's table of texts too.
    if (this.#behind.size > 0) this.#behind.delete(key);
    this.#behind.set(key, { row: [this.seq, key, value], underWay: false });
  }

  /** Its row is asked for before the next flight takes off. False: it is known already. */
  putLate(late: Late, rowOf: (late: Late) => Row | undefined): boolean {
    if (late.isLate) return false;
    late.isLate = true;
    this.#rowOf = rowOf;
    if (this.#late.length === 0) this.#late = [late];
    else this.#late.push(late);
    return true;
  }

  /** To be called before the next flight. */
  askLate(): void {
    const late = this.#late;
    if (late.length === 0) return;
    this.#late = noLate;
    for (const each of late) {
      each.isLate = false;
      const row = this.#rowOf!(each);
      if (row !== undefined) this.put(row[0], row[1]);
    }
  }

  wait(waiter: Waiter): void {
    if (this.#waiters.length === 0) this.#waiters = [waiter];
    else this.#waiters.push(waiter);
  }

  /** The rows after `seq` that the store lacks. */
  rowsAfter(seq: number): TailRow[] {
    const rows: TailRow[] = [];
    for (const { row } of this.#behind.values()) if (row[0] > seq) rows.push(row);
    return rows;
  }

  /** Takes what the store has not been given yet. */
  launch(names: string | undefined): Flight {
    const rows: TailRow[] = [];
    for (const behind of this.#behind.values()) {
      if (behind.underWay) continue;
      behind.underWay = true;
      rows.push(behind.row);
    }
    const flight: Flight = { rows, after: this.#submitted, upTo: this.seq, names };
    this.#submitted = this.seq;
    this.flights.add(flight);
    return flight;
  }

  /** The store has it. Returns those who waited for it. */
  landed(flight: Flight): Waiter[] {
    this.flights.delete(flight);
    for (const [seq, key] of flight.rows) {
      if (this.#behind.get(key)?.row[0] === seq) this.#behind.delete(key);
    }
    // A flight with a marker is alone and takes everything along.
    if (flight.names !== undefined) this.stored = Math.max(this.stored, flight.upTo);
    return this.#takeWaiters(({ seq }) => seq > flight.after && seq <= flight.upTo);
  }

  /** The store has it or not: it is to be written again. Returns those whom only the store could have satisfied. */
  crashed(flight: Flight, error: NonNullable<Waiter['storeError']>): Waiter[] {
    this.flights.delete(flight);
    for (const [seq, key] of flight.rows) {
      const behind = this.#behind.get(key);
      if (behind !== undefined && behind.row[0] === seq) behind.underWay = false;
    }
    if (this.relied === '') return this.#takeWaiters(({ seq }) => seq > flight.after && seq <= flight.upTo);
    this.#submitted = flight.after;
    // The store is in trouble for all of them.
    for (const waiter of this.#waiters) waiter.storeError = error;
    return this.#takeWaiters((waiter) => waiter.storeError !== undefined && waiter.seq <= this.acked);
  }

  /** The buddy has everything up to `seq`. Returns those who need no more. */
  ack(seq: number): Waiter[] {
    this.acked = Math.max(this.acked, seq);
    return this.#takeWaiters(
      (waiter) => waiter.seq <= this.acked && (!waiter.durable || waiter.storeError !== undefined),
    );
  }

  /** The buddy's word does not count any more. Returns those whom the store has refused and nobody else can satisfy. */
  abandon(): Waiter[] {
    this.relied = '';
    return this.#takeWaiters((waiter) => waiter.storeError !== undefined);
  }

  /** Somebody waits for the store alone. */
  get needsStore(): boolean {
    return this.#waiters.some((waiter) => waiter.durable || this.relied === '');
  }

  get needsDurable(): boolean {
    return this.#waiters.some((waiter) => waiter.durable);
  }

  /** The end: those who still wait. */
  takeAll(): Waiter[] {
    return this.#takeWaiters(() => true);
  }

  #takeWaiters(which: (waiter: Waiter) => boolean): Waiter[] {
    if (this.#waiters.length === 0) return none;
    const taken: Waiter[] = [];
    const kept: Waiter[] = [];
    for (const waiter of this.#waiters) (which(waiter) ? taken : kept).push(waiter);
    if (taken.length > 0) this.#waiters = kept.length === 0 ? none : kept;
    return taken;
  }
}

const none: Waiter[] = [];
const noLate: Late[] = [];

/** By the number of their partitions, as a Map of them that looks at less memory. */
export class Tracks {
  readonly #all: (Track | undefined)[] = [];

  get(partition: number): Track | undefined {
    return this.#all[partition];
  }

  set(partition: number, track: Track): void {
    while (this.#all.length < partition) this.#all.push(undefined);
    this.#all[partition] = track;
  }

  delete(partition: number): void {
    this.#all[partition] = undefined;
  }

  values(): Track[] {
    return this.#all.filter((track) => track !== undefined);
  }
}
