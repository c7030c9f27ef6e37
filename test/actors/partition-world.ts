/**
 * A partition with toy entities in a world of paper: a clock that is set by hand, a store that applies and answers when the
 * test says so. The toys compare, on every turn, the state that the runtime gives them with the state they should have, so
 * whatever the runtime does between two turns (writing, sleeping, moving, restarting) is checked by each input.
 */
import assert from 'node:assert';
import type { Behaviours, Kind } from '../../actors/entity.ts';
import type { Envelope } from '../../actors/envelope.ts';
import { Partition } from '../../actors/partition.ts';
import type { PartitionPorts, Row, WriteResult } from '../../actors/ports.ts';
import { decodeRow, rowKey, unpackState } from '../../actors/snapshot.ts';
import { Answers } from '../../actors/answers.ts';
import { Memories } from '../../actors/memories.ts';
import { Wheel } from '../../actors/wheel.ts';
import { type Command, plain, toy } from './partition-toy.ts';

export const here = 7;
export const elsewhere = 8;

/** What stands for the request of a promise. */
interface ToyRequest {
  readonly key: string;
  readonly serial: number;
}

export interface Packet {
  readonly key: string;
  readonly serial: number;
  readonly needs: number;
  readonly needsPromise: number;
  readonly total: number;
}

interface Write {
  readonly epoch: number;
  readonly rows: readonly Row[];
  readonly covers: readonly (readonly [key: string, serial: number])[];
  readonly durable: boolean;
  readonly done: (result: WriteResult) => void;
  result?: WriteResult;
}

/** What the entity of one key is, was when last packed, and has been promised. */
interface Expected {
  live: readonly unknown[] | undefined;
  packed: readonly unknown[] | undefined;
  /** The last command it handled, the last that the store acknowledged, and the last let through although a write failed. */
  handled: number;
  acknowledged: number;
  forgiven: number;
  lastSent: number;
  /** Promised and neither kept nor refused yet, each with what was last packed before it. */
  promises: { readonly serial: number; readonly before: readonly unknown[] | undefined }[];
  /** The last command that was handled before what the store applied last was written. */
  covered: number;
}

export class World {
  nowMs = 1_795_000_000_000;
  readonly wheel = new Wheel(this.nowMs);
  readonly memories = new Memories(this.wheel);
  readonly answers = new Answers(this.wheel, 1);
  readonly load = { queuedItems: 0, isClosing: false };
  readonly store = new Map<string, Uint8Array>();
  /** Not yet applied, then applied but not yet answered. */
  readonly writes: Write[] = [];
  readonly sent: Packet[] = [];
  readonly posted: { partition: number; envelope: Envelope }[] = [];
  readonly overloaded: Envelope[] = [];
  readonly failed: Envelope[] = [];
  /** Serials of the commands whose promise could not be kept. */
  readonly refused = new Set<number>();
  readonly fenced: number[] = [];
  readonly counts = new Map<string, number>();
  readonly expected = new Map<string, Expected>();
  readonly behaviours: Behaviours = {
    call: toy(this, 'call'),
    aor: toy(this, 'aor'),
    limit: toy(this, 'limit'),
  };
  wakes = 0;
  epoch = 1;
  partition = this.newPartition();

  newPartition(): Partition {
    return new Partition(here, this.epoch, `a.${this.epoch}`, this.#ports(), this.behaviours);
  }

  of(key: string): Expected {
    let entry = this.expected.get(key);
    if (entry === undefined) {
      entry = {
        live: undefined,
        packed: undefined,
        handled: 0,
        acknowledged: 0,
        forgiven: 0,
        lastSent: 0,
        covered: 0,
        promises: [],
      };
      this.expected.set(key, entry);
    }
    return entry;
  }

  tell(key: string, command: Command, kind: Kind = 'call'): boolean {
    return this.partition.deliver({ to: { kind, key }, type: 'tell', body: command });
  }

  drain(): void {
    for (let turns = 0; this.partition.drain(); turns++) assert(turns < 1_000, 'a drain that never ends');
  }

  advance(byMs: number): void {
    this.nowMs += byMs;
    this.partition.advance(this.nowMs);
  }

  /** The store gets to the oldest write that it has not looked at. A failed one may have been carried out all the same. */
  apply(ok: boolean, carriedOut = ok): void {
    const write = this.writes.find((each) => each.result === undefined);
    if (write === undefined) return;
    write.result = write.epoch < this.epoch ? 'fenced' : ok ? 'ok' : 'failed';
    if (write.result === 'fenced' || !carriedOut) return;
    write.rows.forEach(([id, value], index) => {
      const [key, serial] = write.covers[index]!;
      if (value === null) this.store.delete(id);
      else this.store.set(id, value);
      this.of(key).covered = serial;
    });
  }

  /** One of the applied writes is answered: answers may overtake each other. */
  answer(pick: number): void {
    const applied = this.writes.filter((each) => each.result !== undefined);
    const write = applied[pick % Math.max(1, applied.length)];
    if (write === undefined) return;
    this.writes.splice(this.writes.indexOf(write), 1);
    if (write.epoch === this.epoch) {
      for (const [key, serial] of write.covers) {
        const entry = this.of(key);
        if (write.result === 'ok') entry.acknowledged = Math.max(entry.acknowledged, serial);
        if (write.result === 'failed') entry.forgiven = Math.max(entry.forgiven, serial);
      }
    }
    write.done(write.result!);
  }

  answerAll(): void {
    for (let rounds = 0; this.writes.length > 0; rounds++) {
      assert(rounds < 1_000, 'writes without end');
      this.apply(true);
      this.answer(0);
    }
  }

  /**
   * The node is gone: answers on their way are lost, and what had not reached the store is refused, as a later owner has
   * the partition by then. What it had acknowledged must be there.
   */
  kill(): void {
    for (const [key, entry] of this.expected) {
      const stored = this.storedState(key);
      assert(entry.covered >= entry.acknowledged, 'the store lost what it acknowledged');
      entry.acknowledged = entry.covered;
      entry.live = plain(stored);
      entry.packed = entry.live;
      entry.promises = [];
    }
    const former = this.partition;
    const late = this.writes.filter((write) => write.result === undefined);
    const sentBefore = this.sent.length;
    this.takeOver();
    this.writes.length = 0;
    for (const write of late) write.done('fenced');
    if (late.length > 0) {
      assert.equal(this.fenced.length, 1, 'fenced once');
      assert.match(former.describe(), /closed/);
    }
    this.fenced.length = 0;
    assert.equal(this.sent.length, sentBefore, 'a fenced partition let a packet out');
    former.close();
  }

  /** The next owner starts from what is in the store. */
  takeOver(held: readonly Envelope[] = []): void {
    this.epoch++;
    this.partition = this.newPartition();
    this.partition.load([...this.store].map(([key, value]) => ({ key, value })));
    for (const envelope of held) this.partition.deliver(envelope);
  }

  /** The state of an entity as the store has it. */
  storedState(key: string, kind: Kind = 'call'): readonly unknown[] | undefined {
    const id = rowKey(kind, key);
    const value = this.store.get(id);
    return value && unpackState(decodeRow(id, value)!.snapshot.packed);
  }

  count(metric: string): number {
    return this.counts.get(metric) ?? 0;
  }

  #ports(): PartitionPorts {
    const epoch = this.epoch;
    return {
      clock: { monotonicMs: () => this.nowMs, clusterMs: () => this.nowMs },
      wheel: this.wheel,
      memories: this.memories,
      answers: this.answers,
      load: this.load,
      hashSeed: 1,
      partitionOf: (key) => (key.startsWith('far') ? elsewhere : here),
      wake: () => this.wakes++,
      send: (_flow, bytes) => this.#sent(JSON.parse(Buffer.from(bytes).toString()) as Packet, epoch),
      post: (partition, envelope) => this.posted.push({ partition, envelope }),
      write: (_partition, writeEpoch, _owner, rows, durable, done) => this.#written(writeEpoch, rows, durable, done),
      overloaded: (envelope) => this.overloaded.push(envelope),
      failed: (envelope) => this.failed.push(envelope),
      unsaved: (requests) => this.#unsaved(requests.map((request) => request as unknown as ToyRequest)),
      fenced: (partition) => this.fenced.push(partition),
      note: () => {},
      count: (metric) => this.counts.set(metric, this.count(metric) + 1),
    };
  }

  /** The state goes back to what it was when the first of the broken promises was made. */
  #unsaved(requests: readonly ToyRequest[]): void {
    const entry = this.of(requests[0]!.key);
    const first = entry.promises.findIndex(({ serial }) => serial === requests[0]!.serial);
    assert.deepStrictEqual(
      requests.map(({ serial }) => serial),
      entry.promises.slice(first).map(({ serial }) => serial),
      'all promises since the first that is broken',
    );
    for (const { serial } of requests) {
      assert(serial > entry.acknowledged, 'refused what the store has acknowledged');
      assert(!this.sent.some((packet) => packet.serial === serial), 'refused after it was answered');
      this.refused.add(serial);
    }
    entry.live = entry.promises[first]!.before;
    entry.packed = entry.live;
    entry.promises.length = first;
  }

  /** Invariant 30, and the order of what leaves. */
  #sent(packet: Packet, epoch: number): void {
    assert.equal(epoch, this.epoch, 'a packet from a former owner');
    const entry = this.of(packet.key);
    assert(packet.serial > entry.lastSent, 'a packet overtook another of its entity');
    entry.lastSent = packet.serial;
    const gone = entry.live === undefined && !this.#storeMayHave(packet.key);
    assert(gone || packet.needs <= Math.max(entry.acknowledged, entry.forgiven), 'a packet passed its gate too early');
    assert(gone || packet.needsPromise <= entry.acknowledged, 'a promise left although the store has nothing of it');
    assert(!this.refused.has(packet.serial), 'answered after it was refused');
    entry.promises = entry.promises.filter(({ serial }) => serial !== packet.serial);
    this.sent.push(packet);
  }

  #storeMayHave(key: string): boolean {
    const id = rowKey('call', key);
    return (
      this.store.has(id) ||
      this.writes.some((write) => write.result === undefined && write.rows.some(([row]) => row === id))
    );
  }

  /** Invariant 31: what is written, read back, is the state. */
  #written(epoch: number, rows: readonly Row[], durable: boolean, done: (result: WriteResult) => void): void {
    const covers = rows.map(([id, value]) => {
      const key = id.slice(id.indexOf(':') + 1);
      const entry = this.of(key);
      if (value === null) assert.equal(entry.live, undefined, 'deleted although it lives');
      else assert.deepStrictEqual(plain(unpackState(decodeRow(id, value)!.snapshot.packed)), entry.live);
      return [key, entry.handled] as const;
    });
    assert.equal(new Set(covers.map(([key]) => key)).size, rows.length, 'an entity twice in one batch');
    this.writes.push({ epoch, rows, covers, durable, done });
  }
}
