/**
 * The partitions of one node: for each the stage between `away` and `serving`, and the steps that bring it to what the
 * table wants. The seal in the store is the truth about a partition: nobody serves before its own seal, nobody gives
 * away but by sealing to the receiver after its worker has stopped and everything is written.
 */
import { limits } from '../src/limits.ts';
import { ownerName } from './control-types.ts';
import type { ControlEffect, DropTarget, Share, StoreOperation } from './control-types.ts';
import { place } from './place.ts';
import { Preferences } from './ring.ts';
import type { CoordinationStore } from './store-ports.ts';
import { memberIndex } from './table.ts';
import type { Table, TableMember } from './table.ts';

/**
 * - `away`: nothing here. `lost`: sealed to us, but the worker that had it is gone.
 * - `claiming`: seal to ourselves under way. `loading`: told a worker. `serving`: the worker said so.
 * - `freezing`: worker stops and writes. `frozen`: it has. `handing`: seal to the receiver under way or its outcome
 *   unknown. `handed`: sealed to the receiver; until the table says so we forward.
 */
type Stage = 'away' | 'lost' | 'claiming' | 'loading' | 'serving' | 'freezing' | 'frozen' | 'handing' | 'handed';

/** What the table wants of this node: own it, own it but give it away, get it from its owner, nothing. */
type Want = 'mine' | 'give' | 'take' | 'none';

interface Part {
  stage: Stage;
  /** Worker that holds something of it (running, frozen or just queued items), or -1. */
  worker: number;
  /** Epoch under which we sealed it or it was sealed to us. */
  epoch: number;
  /** Highest epoch seen for it anywhere. */
  known: number;
  /** Store operation or freeze that it waits for: answers to another are void. 0: none. */
  operation: number;
  /** `ownerName` of the receiver and epoch of the last seal to it that was tried since we loaded; 0: none. */
  to: string;
  sealEpoch: number;
  /** No new attempt before this. */
  notBeforeMs: number;
  sinceMs: number;
}

export interface SharesPorts {
  emit(effect: ControlEffect): void;
  /** `done` gets undefined when the outcome is unknown. Returns the number of the operation. */
  ask<O extends StoreOperation>(
    op: O,
    args: Readonly<Parameters<CoordinationStore[O]>>,
    done: (reply: { readonly result: ReturnType<CoordinationStore[O]> } | undefined, nowMs: number) => void,
  ): number;
  /** The store knows a later table than ours. */
  tableIsOld(): void;
}

const minorsPerTable = 2 ** 20;

export class Shares {
  readonly #id: string;
  readonly #name: string;
  readonly #ports: SharesPorts;
  readonly #parts: Part[];
  readonly #workers = new Set<number>();
  readonly #rings: Preferences;
  /** Per partition the worker that is to hold it, or -1. */
  readonly #workerOf: Int32Array;
  #table: Table | undefined;
  #index = -1;
  #attempts = 0;
  #pollAtMs = 0;
  #handedEarly = false;
  #busy = false;

  constructor(id: string, incarnation: number, partitions: number, ports: SharesPorts) {
    this.#id = id;
    this.#name = ownerName(id, incarnation);
    this.#ports = ports;
    this.#rings = new Preferences(partitions);
    this.#workerOf = new Int32Array(partitions).fill(-1);
    this.#parts = Array.from({ length: partitions }, () => {
      return { stage: 'away', worker: -1, epoch: 0, known: 0, operation: 0, to: '', sealEpoch: 0, notBeforeMs: 0, sinceMs: 0 };
    });
  }

  adopt(table: Table, nowMs: number): void {
    this.#table = table;
    const index = memberIndex(table, this.#id);
    this.#index = index >= 0 && nameOf(table.members[index]!) === this.#name ? index : -1;
    this.#pollAtMs = this.#handedEarly ? nowMs : nowMs + limits.ownersPollMs;
    this.#handedEarly = false;
    this.#placeOnWorkers(false);
    this.#busy = true;
  }

  workerUp(worker: number): void {
    this.#workers.add(worker);
    this.#placeOnWorkers(true);
    this.#busy = true;
  }

  workerDown(worker: number): void {
    this.#workers.delete(worker);
    for (const part of this.#parts) {
      if (part.worker !== worker) continue;
      part.worker = -1;
      // What is being sealed away was written before; all else is ours and needs a new seal against late writes.
      if (part.stage !== 'claiming' && part.stage !== 'handing' && part.stage !== 'handed' && part.stage !== 'away') {
        part.stage = 'lost';
        part.operation = 0;
        part.notBeforeMs = 0;
      }
    }
    this.#placeOnWorkers(false);
    this.#busy = true;
  }

  serving(worker: number, shares: readonly Share[]): void {
    for (const { partition, epoch } of shares) {
      const part = this.#parts[partition]!;
      if (part.stage === 'loading' && part.worker === worker && part.epoch === epoch) part.stage = 'serving';
    }
    this.#busy = true;
  }

  frozen(worker: number, attempt: number, shares: readonly Share[]): void {
    for (const { partition, epoch } of shares) {
      const part = this.#parts[partition]!;
      if (part.stage !== 'freezing' || part.worker !== worker) continue;
      if (part.epoch === epoch && part.operation === attempt) part.stage = 'frozen';
    }
    this.#busy = true;
  }

  fenced(worker: number, shares: readonly Share[], nowMs: number): void {
    for (const { partition, epoch } of shares) {
      const part = this.#parts[partition]!;
      if (part.worker !== worker || part.epoch !== epoch) continue;
      if (part.stage !== 'loading' && part.stage !== 'serving' && part.stage !== 'freezing') continue;
      this.#ports.emit({ do: 'drop', worker, partitions: [partition], to: undefined });
      Object.assign(part, { stage: 'away', worker: -1, operation: 0, notBeforeMs: nowMs + limits.controlRetryMs });
      this.#ports.tableIsOld();
    }
    this.#busy = true;
  }

  /** Another node sealed these to us. When our table does not know of it yet, the store is asked once it does. */
  handed(partitions: readonly number[], epochs: readonly number[], nowMs: number): void {
    const taken: number[] = [];
    for (let i = 0; i < partitions.length; i++) {
      const partition = partitions[i]!;
      const part = this.#parts[partition];
      if (part === undefined || part.stage !== 'away' || epochs[i]! <= part.known) continue;
      const want = this.#want(partition);
      if (want !== 'take' && want !== 'mine') continue;
      part.epoch = part.known = epochs[i]!;
      taken.push(partition);
    }
    if (taken.length < partitions.length) this.#handedEarly = true;
    this.#load(taken, nowMs);
    this.#busy = true;
  }

  /** Partitions under way to us that we serve already: the next table may say so. */
  arrived(): { readonly partitions: number[]; readonly all: boolean } {
    const partitions: number[] = [];
    let all = true;
    for (const [partition, to] of this.#table?.moving ?? []) {
      if (to !== this.#index || this.#index < 0) continue;
      if (this.#parts[partition]!.stage === 'serving') partitions.push(partition);
      else all = false;
    }
    return { partitions, all };
  }

  /** Nothing is here, and nothing is meant to come. */
  isEmpty(): boolean {
    return this.#parts.every((part, partition) => part.stage === 'away' && this.#want(partition) === 'none');
  }

  /** No worker changes anything any more: everything written. */
  isStill(): boolean {
    return this.#parts.every(({ stage }) => stage !== 'loading' && stage !== 'serving' && stage !== 'freezing');
  }

  /** Everything that the table wants here is served. */
  isServing(): boolean {
    return this.#parts.every((part, partition) => {
      const want = this.#want(partition);
      return want === 'none' || want === 'take' || part.stage === 'serving' || (want === 'give' && part.stage === 'handed');
    });
  }

  #count(stage: Stage): number {
    return this.#parts.reduce((total, part) => total + (part.stage === stage ? 1 : 0), 0);
  }

  /** One line for people. */
  describe(): string {
    const counts = new Map<Stage, number>();
    for (const { stage } of this.#parts) if (stage !== 'away') counts.set(stage, (counts.get(stage) ?? 0) + 1);
    return [...counts].map(([stage, count]) => `${stage} ${count}`).join(', ') || 'none';
  }

  /**
   * Takes every step that is due. `closing`: freeze all, claim and give nothing. `storeAnswers`: without a store
   * nothing is frozen, since a frozen partition could not be written.
   */
  run(nowMs: number, tick: boolean, closing: boolean, storeAnswers: boolean): void {
    if (this.#table === undefined || (!this.#busy && !tick)) return;
    this.#busy = false;
    const claims = new Groups<number>();
    const hands = new Groups<string>();
    const freezes = new Groups<number>();
    const thaws = new Groups<number>();
    const drops = new Groups<string>();
    const polls: number[] = [];
    const doubts: number[] = [];
    let room = closing ? Infinity : limits.freezesInFlightMax - this.#count('freezing') - this.#count('frozen') - this.#count('handing');

    for (let partition = 0; partition < this.#parts.length; partition++) {
      const part = this.#parts[partition]!;
      const want = this.#want(partition);
      const receiver = want === 'give' ? this.#receiver(partition) : '';
      switch (part.stage) {
        case 'away':
          if (want === 'none' || closing) {
            if (part.worker >= 0 && want === 'none') this.#release(part, partition, drops);
          } else if (want === 'take') {
            if (nowMs >= this.#pollAtMs) polls.push(partition);
          } else if (nowMs >= part.notBeforeMs) {
            this.#claim(part, partition, want, nowMs, claims);
          }
          break;
        case 'lost':
          if (want === 'none') this.#release(part, partition, drops);
          else if (!closing && nowMs >= part.notBeforeMs) this.#claim(part, partition, want, nowMs, claims);
          break;
        case 'claiming':
        case 'loading':
          if (want === 'none') this.#release(part, partition, drops);
          break;
        case 'serving':
          if (want === 'none') this.#release(part, partition, drops);
          else if (closing || want === 'give' || (want === 'mine' && this.#workerOf[partition] !== part.worker)) {
            if (room <= 0 || !storeAnswers || nowMs < part.notBeforeMs) break;
            room--;
            freezes.add(part.worker, partition);
          }
          break;
        case 'freezing':
        case 'frozen':
          if (want === 'none' || (want === 'take' && part.sealEpoch > 0)) this.#release(part, partition, drops);
          else if (closing) break;
          else if (part.stage === 'freezing') {
            const needless = want !== 'give' && this.#workerOf[partition] === part.worker;
            if (needless || nowMs - part.sinceMs >= limits.freezeMs) thaws.add(part.worker, partition);
          } else if (nowMs < part.notBeforeMs) break;
          else if (want === 'give') {
            // The same seal again when its outcome was unknown, so that the receiver sees one epoch only.
            const epoch = part.sealEpoch > 0 && part.to === receiver ? part.sealEpoch : part.known + 1;
            hands.add(`${epoch} ${receiver}`, partition);
          } else if (this.#workerOf[partition] === part.worker && part.sealEpoch === 0) {
            thaws.add(part.worker, partition);
          } else this.#claim(part, partition, want, nowMs, claims); // Its receiver may have had it: load afresh.
          break;
        case 'handing':
        case 'handed':
          // Also when it is on its way back to us already and we missed the table in between.
          if (want === 'none' || want === 'take') this.#release(part, partition, drops);
          else if (closing) break;
          else if (receiver !== part.to) this.#claim(part, partition, want, nowMs, claims);
          else if (part.stage === 'handing' && part.operation === 0 && nowMs >= part.notBeforeMs) doubts.push(partition);
          break;
      }
    }

    for (const [key, partitions] of drops) {
      const [worker, to] = key.split(' ', 2);
      this.#ports.emit({ do: 'drop', worker: Number(worker), partitions, to: to === '' ? undefined : { node: to! } });
    }
    for (const [worker, partitions] of thaws) this.#thaw(worker, partitions, nowMs);
    for (const [worker, partitions] of freezes) this.#freeze(worker, partitions, nowMs);
    for (const [epoch, partitions] of claims) this.#sealToSelf(epoch, partitions);
    for (const [key, partitions] of hands) this.#sealAway(key, partitions);
    if (polls.length > 0) this.#poll(polls, nowMs);
    if (doubts.length > 0) this.#resolveDoubts(doubts);
  }

  #want(partition: number): Want {
    const table = this.#table;
    if (table === undefined || this.#index < 0) return 'none';
    const to = table.moving.get(partition);
    if (table.owner[partition] === this.#index) return to === undefined ? 'mine' : 'give';
    return to === this.#index ? 'take' : 'none';
  }

  /** `ownerName` of the member that is to get a partition of ours. */
  #receiver(partition: number): string {
    const table = this.#table!;
    return nameOf(table.members[table.moving.get(partition)!]!);
  }

  /** The table has another owner: forget it, let queued items go there. */
  #release(part: Part, partition: number, drops: Groups<string>): void {
    if (part.worker >= 0) {
      const table = this.#table!;
      const owner = table.members[table.owner[partition]!];
      drops.add(`${part.worker} ${owner === undefined || owner.id === this.#id ? '' : owner.id}`, partition);
    }
    Object.assign(part, { stage: 'away', worker: -1, operation: 0, notBeforeMs: 0 });
  }

  #claim(part: Part, partition: number, want: Want, nowMs: number, claims: Groups<number>): void {
    if (this.#workerOf[partition]! < 0) return;
    // While it is not ours by the table we only renew the seal that the old owner gave us, in its range of epochs.
    const epoch = want === 'take' ? part.known + 1 : Math.max(this.#table!.epoch * minorsPerTable, part.known + 1);
    if (epoch >= (this.#table!.epoch + 1) * minorsPerTable) {
      part.notBeforeMs = nowMs + limits.controlRetryMs;
      this.#ports.tableIsOld();
      return;
    }
    claims.add(epoch, partition);
  }

  #sealToSelf(epoch: number, partitions: readonly number[]): void {
    const before = partitions.map((partition) => this.#parts[partition]!.stage);
    const operation = this.#ports.ask('seal', [partitions, epoch, this.#name], (reply, nowMs) => {
      const won: number[] = [];
      partitions.forEach((partition, i) => {
        const part = this.#parts[partition]!;
        const refusedBy = reply?.result[i];
        part.known = Math.max(part.known, epoch, refusedBy ?? 0);
        if (part.stage !== 'claiming' || part.operation !== operation) return;
        part.operation = 0;
        if (refusedBy === 0) {
          part.epoch = epoch;
          won.push(partition);
        } else {
          part.stage = before[i] === 'away' ? 'away' : 'lost';
          part.notBeforeMs = nowMs + (reply === undefined ? limits.controlRetryMs : 0);
        }
      });
      this.#load(won, nowMs);
      this.#busy = true;
    });
    for (const partition of partitions) Object.assign(this.#parts[partition]!, { stage: 'claiming', operation });
  }

  /** Sealed to us: let the worker have them. */
  #load(partitions: readonly number[], nowMs: number): void {
    const assigns = new Groups<number>();
    const passes = new Groups<string>();
    for (const partition of partitions) {
      const part = this.#parts[partition]!;
      const worker = this.#workerOf[partition]!;
      if (worker < 0) {
        Object.assign(part, { stage: 'lost', worker: -1, operation: 0 });
        continue;
      }
      if (part.worker >= 0 && part.worker !== worker) passes.add(`${part.worker} ${worker}`, partition);
      Object.assign(part, { stage: 'loading', worker, operation: 0, to: '', sealEpoch: 0, notBeforeMs: 0, sinceMs: nowMs });
      assigns.add(worker, partition);
    }
    for (const [key, moved] of passes) {
      const [from, to] = key.split(' ', 2);
      const target: DropTarget = { worker: Number(to) };
      this.#ports.emit({ do: 'drop', worker: Number(from), partitions: moved, to: target });
    }
    for (const [worker, taken] of assigns) this.#ports.emit({ do: 'assign', worker, shares: this.#sharesOf(taken) });
  }

  #freeze(worker: number, partitions: readonly number[], nowMs: number): void {
    const attempt = ++this.#attempts;
    for (const partition of partitions) {
      Object.assign(this.#parts[partition]!, { stage: 'freezing', operation: attempt, sinceMs: nowMs });
    }
    this.#ports.emit({ do: 'freeze', worker, attempt, shares: this.#sharesOf(partitions) });
  }

  #thaw(worker: number, partitions: readonly number[], nowMs: number): void {
    for (const partition of partitions) {
      const notBeforeMs = nowMs + limits.controlRetryMs;
      Object.assign(this.#parts[partition]!, { stage: 'serving', operation: 0, notBeforeMs });
    }
    this.#ports.emit({ do: 'thaw', worker, shares: this.#sharesOf(partitions) });
  }

  /** Everything of these is written: make the receiver their owner. `key`: epoch and receiver. */
  #sealAway(key: string, partitions: readonly number[]): void {
    const space = key.indexOf(' ');
    const epoch = Number(key.slice(0, space));
    const to = key.slice(space + 1);
    const operation = this.#ports.ask('seal', [partitions, epoch, to], (reply, nowMs) => {
      const done: number[] = [];
      partitions.forEach((partition, i) => {
        const part = this.#parts[partition]!;
        part.known = Math.max(part.known, epoch);
        if (part.stage !== 'handing' || part.operation !== operation) return;
        part.operation = 0;
        if (reply?.result[i] === 0) done.push(partition);
        else part.notBeforeMs = nowMs + (reply === undefined ? limits.controlRetryMs : 0);
      });
      this.#sealedAway(done, to);
      this.#busy = true;
    });
    for (const partition of partitions) {
      // From now on the epoch is spent, whatever the answer: a way back must go above it.
      const part = this.#parts[partition]!;
      Object.assign(part, { stage: 'handing', operation, to, sealEpoch: epoch, known: Math.max(part.known, epoch) });
    }
  }

  #sealedAway(partitions: readonly number[], to: string): void {
    if (partitions.length === 0) return;
    const receiver = this.#table!.members.find((member) => nameOf(member) === to);
    const epochs = partitions.map((partition) => this.#parts[partition]!.sealEpoch);
    if (receiver !== undefined) {
      const { id: peer, incarnation } = receiver;
      this.#ports.emit({ do: 'send', peer, incarnation, frame: { type: 'handed', partitions, epochs } });
    }
    const drops = new Groups<number>();
    for (const partition of partitions) {
      const part = this.#parts[partition]!;
      if (part.worker >= 0) drops.add(part.worker, partition);
      Object.assign(part, { stage: 'handed', worker: -1, operation: 0 });
    }
    for (const [worker, dropped] of drops) {
      const target = receiver === undefined ? undefined : { node: receiver.id };
      this.#ports.emit({ do: 'drop', worker, partitions: dropped, to: target });
    }
  }

  /** A seal to the receiver may or may not have happened: only the store knows. */
  #resolveDoubts(partitions: readonly number[]): void {
    const operation = this.#ports.ask('owners', [partitions], (reply, nowMs) => {
      const done = new Groups<string>();
      partitions.forEach((partition, i) => {
        const part = this.#parts[partition]!;
        if (part.stage !== 'handing' || part.operation !== operation) return;
        part.operation = 0;
        const found = reply?.result[i];
        if (found === undefined) {
          part.notBeforeMs = nowMs + limits.controlRetryMs;
          return;
        }
        part.known = Math.max(part.known, found.epoch);
        if (found.owner === part.to) done.add(part.to, partition);
        else if (found.owner === this.#name) part.stage = 'frozen'; // Not done: seal again, above.
        else this.#ports.tableIsOld(); // Somebody took over: the table that says so is on its way.
      });
      for (const [to, sealed] of done) this.#sealedAway(sealed, to);
      this.#busy = true;
    });
    for (const partition of partitions) this.#parts[partition]!.operation = operation;
  }

  /** Is something that is to come ours already? The old owner's word may have been lost on the way. */
  #poll(partitions: readonly number[], nowMs: number): void {
    this.#pollAtMs = nowMs + limits.ownersPollMs;
    this.#ports.ask('owners', [partitions], (reply, replyMs) => {
      const mine: number[] = [];
      partitions.forEach((partition, i) => {
        const part = this.#parts[partition]!;
        const found = reply?.result[i];
        if (found?.owner !== this.#name || part.stage !== 'away' || found.epoch < part.known) return;
        const want = this.#want(partition);
        if (want !== 'take' && want !== 'mine') return;
        part.epoch = part.known = found.epoch;
        mine.push(partition);
      });
      this.#load(mine, replyMs);
      this.#busy = true;
    });
  }

  #sharesOf(partitions: readonly number[]): Share[] {
    return partitions.map((partition) => ({ partition, epoch: this.#parts[partition]!.epoch }));
  }

  /** Which worker is to hold which partition; `balance` also moves those that are held elsewhere. */
  #placeOnWorkers(balance: boolean): void {
    const workers = [...this.#workers].sort((a, b) => a - b);
    const before = this.#workerOf.slice();
    this.#workerOf.fill(-1);
    if (workers.length === 0 || this.#table === undefined) return;
    const items: number[] = [];
    for (let partition = 0; partition < this.#parts.length; partition++) {
      if (this.#want(partition) !== 'none') items.push(partition);
    }
    const rows = this.#rings.of(workers.map((worker) => ({ id: `worker-${worker}`, weight: 1 })));
    const preferences = new Uint16Array(items.length * workers.length);
    items.forEach((partition, item) => {
      const row = rows.subarray(partition * workers.length, (partition + 1) * workers.length);
      preferences.set(row, item * workers.length);
    });
    const placed = place({
      preferences,
      weights: workers.map(() => 1),
      current: Int32Array.from(items, (partition) => workers.indexOf(before[partition]!)),
      fixed: (item) => this.#want(items[item]!) !== 'mine',
      moveSurplus: balance,
    });
    items.forEach((partition, item) => (this.#workerOf[partition] = workers[placed[item]!] ?? -1));
  }
}

function nameOf(member: TableMember): string {
  return ownerName(member.id, member.incarnation);
}

/** Partitions collected under a key, in order of first use. */
class Groups<K> extends Map<K, number[]> {
  add(key: K, partition: number): void {
    const group = this.get(key);
    if (group === undefined) this.set(key, [partition]);
    else group.push(partition);
  }
}
