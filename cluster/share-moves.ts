/**
 * Performs the moves of shares (share.ts): seals in the store, orders to workers, words to other nodes. The seal in the
 * store is the truth about a partition: nobody serves before its own seal, nobody gives away but by sealing to the
 * receiver after its worker has stopped and everything is written.
 */
import { limits } from '../src/limits.ts';
import { PartitionSet } from './partition-set.ts';
import { ownerName } from './control-types.ts';
import type { ControlEffect, DropTarget, Share, StoreOperation } from './control-types.ts';
import { Groups, newShare } from './share.ts';
import type { Share as Part, Want } from './share.ts';
import type { CoordinationStore, PartitionOwner } from './store-ports.ts';
import { memberIndex } from './table.ts';
import type { Table, TableMember } from './table.ts';
import { WorkerPlaces } from './worker-places.ts';

export interface SharesPorts {
  emit(effect: ControlEffect): void;
  /** `done` gets undefined when the outcome is unknown. Returns the number of the operation. */
  ask<O extends StoreOperation>(
    op: O,
    args: Readonly<Parameters<CoordinationStore[O]>>,
    done: (reply: { readonly result: ReturnType<CoordinationStore[O]> } | undefined, nowMs: number) => void,
  ): number;
  /** The store knows a later table than ours. `epoch`: of the table under which something is sealed that we shall take. */
  tableIsOld(epoch?: number): void;
}

/** What who gave a partition away said of it. */
export type Left = Pick<Share, 'rows' | 'keeper'>;

const minorsPerTable = 2 ** 20;

export class ShareMoves {
  readonly id: string;
  /** `ownerName` of this node. */
  readonly #name: string;
  readonly #ports: SharesPorts;
  readonly parts: readonly Part[];
  readonly #wants: Want[];
  readonly places: WorkerPlaces;
  table: Table | undefined;
  /** Ours in `table.members`, or -1. */
  index = -1;
  /** An answer came: look at the restless shares again. */
  busy = false;
  /** All that are not as the table wants them, and perhaps others: who changes one that is adds it. */
  readonly restless: PartitionSet;
  /** How many members give something away. */
  givers = 0;
  /** How many the table wants here in one way or the other. */
  wanted = 0;
  /** Those that the table has on their way to us. */
  coming: readonly number[] = [];
  /** When the store is asked next whether what is to come has come. */
  pollAtMs = 0;
  #isPolling = false;
  /** Sealed to us, which the store is to confirm: they go with the next question. */
  #unlearned: readonly number[] = [];
  /** No seal is made again before this. */
  sealAgainAtMs = 0;
  #attempts = 0;

  constructor(id: string, incarnation: number, partitions: number, ports: SharesPorts) {
    this.id = id;
    this.#name = ownerName(id, incarnation);
    this.#ports = ports;
    this.places = new WorkerPlaces(partitions);
    this.parts = Array.from({ length: partitions }, newShare);
    this.#wants = Array.from({ length: partitions }, (): Want => 'none');
    this.restless = new PartitionSet(partitions);
  }

  adopt(table: Table): void {
    this.table = table;
    const index = memberIndex(table, this.id);
    this.index = index >= 0 && nameOf(table.members[index]!) === this.#name ? index : -1;
    this.#setWants(table);
    this.restless.addAll();
  }

  /** Worked out once for each table: it is asked for every partition in every step. */
  want(partition: number): Want {
    return this.#wants[partition] ?? 'none';
  }

  #setWants({ owner, moving }: Table): void {
    const coming: number[] = [];
    this.wanted = 0;
    for (let partition = 0; partition < this.parts.length; partition++) {
      const isMine = this.index >= 0 && owner[partition] === this.index;
      this.#wants[partition] = isMine ? 'mine' : 'none';
      if (isMine) this.wanted++;
    }
    for (const [partition, to] of this.index < 0 ? [] : moving) {
      if (owner[partition] === this.index) this.#wants[partition] = 'give';
      else if (to === this.index) {
        this.#wants[partition] = 'take';
        coming.push(partition);
      }
    }
    this.givers = new Set(Array.from(moving.keys(), (partition) => owner[partition])).size;
    this.wanted += coming.length;
    this.coming = coming;
  }

  /** `ownerName` of the member that is to get a partition of ours. */
  receiver(partition: number): string {
    const table = this.table!;
    return nameOf(table.members[table.moving.get(partition)!]!);
  }

  /** The table has another owner: forget it, let queued items go there. */
  release(part: Part, partition: number, drops: Groups<string>): void {
    if (part.worker >= 0) {
      const table = this.table!;
      const owner = table.members[table.owner[partition]!];
      drops.add(`${part.worker} ${owner === undefined || owner.id === this.id ? '' : owner.id}`, partition);
    }
    Object.assign(part, { stage: 'away', worker: -1, operation: 0, notBeforeMs: 0 });
  }

  /** Sealed by another owner: what is here of it has no effect any more. */
  overtaken(part: Part, partition: number, nowMs: number): void {
    const { stage, worker } = part;
    if (worker < 0 || (stage !== 'loading' && stage !== 'serving' && stage !== 'freezing')) return;
    this.#ports.emit({ do: 'drop', worker, partitions: [partition], to: undefined });
    this.restless.add(partition);
    Object.assign(part, { stage: 'away', worker: -1, operation: 0, notBeforeMs: nowMs + limits.controlRetryMs });
    this.#ports.tableIsOld();
  }

  claim(part: Part, partition: number, want: Want, nowMs: number, claims: Groups<number>): void {
    if (this.places.of(partition) < 0) return;
    // While it is not ours by the table we only renew the seal that the old owner gave us, in its range of epochs.
    const epoch = want === 'take' ? part.known + 1 : Math.max(this.table!.epoch * minorsPerTable, part.known + 1);
    if (epoch >= (this.table!.epoch + 1) * minorsPerTable) {
      part.notBeforeMs = nowMs + limits.controlRetryMs;
      this.#ports.tableIsOld(Math.floor(epoch / minorsPerTable));
      return;
    }
    claims.add(epoch, partition);
  }

  sealToSelf(epoch: number, partitions: readonly number[]): void {
    const before = partitions.map((partition) => this.parts[partition]!.stage);
    const operation = this.#ports.ask('seal', [partitions, epoch, this.#name], (reply, nowMs) => {
      const won: number[] = [];
      partitions.forEach((partition, i) => {
        const part = this.parts[partition]!;
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
      this.load(won, nowMs);
      this.busy = true;
    });
    for (const partition of partitions) Object.assign(this.parts[partition]!, { stage: 'claiming', operation });
  }

  /** Sealed to us: let the worker have them. */
  load(partitions: readonly number[], nowMs: number, left?: ReadonlyMap<number, Left>): void {
    const assigns = new Groups<number>();
    const passes = new Groups<string>();
    for (const partition of partitions) {
      const part = this.parts[partition]!;
      const worker = this.places.of(partition);
      if (worker < 0) {
        Object.assign(part, { stage: 'lost', worker: -1, operation: 0 });
        continue;
      }
      if (part.worker >= 0 && part.worker !== worker) passes.add(`${part.worker} ${worker}`, partition);
      Object.assign(part, {
        stage: 'loading',
        worker,
        operation: 0,
        to: '',
        sealEpoch: 0,
        notBeforeMs: 0,
        sinceMs: nowMs,
        rows: 0,
      });
      assigns.add(worker, partition);
    }
    for (const [key, moved] of passes) {
      const [from, to] = key.split(' ', 2);
      const target: DropTarget = { worker: Number(to) };
      this.#ports.emit({ do: 'drop', worker: Number(from), partitions: moved, to: target });
    }
    for (const [worker, taken] of assigns) {
      const shares = this.#sharesOf(taken).map((share) => ({ ...share, ...left?.get(share.partition) }));
      this.#ports.emit({ do: 'assign', worker, shares });
    }
  }

  freeze(worker: number, partitions: readonly number[], nowMs: number): void {
    const attempt = ++this.#attempts;
    for (const partition of partitions) {
      Object.assign(this.parts[partition]!, { stage: 'freezing', operation: attempt, sinceMs: nowMs });
    }
    this.#ports.emit({ do: 'freeze', worker, attempt, shares: this.#sharesOf(partitions) });
  }

  thaw(worker: number, partitions: readonly number[], nowMs: number): void {
    for (const partition of partitions) {
      const notBeforeMs = nowMs + limits.controlRetryMs;
      Object.assign(this.parts[partition]!, { stage: 'serving', operation: 0, notBeforeMs });
    }
    this.#ports.emit({ do: 'thaw', worker, shares: this.#sharesOf(partitions) });
  }

  /** Everything of these is written: make the receiver their owner. `key`: epoch and receiver. */
  sealAway(key: string, partitions: readonly number[]): void {
    const space = key.indexOf(' ');
    const epoch = Number(key.slice(0, space));
    const to = key.slice(space + 1);
    const operation = this.#ports.ask('seal', [partitions, epoch, to], (reply, nowMs) => {
      const done: number[] = [];
      partitions.forEach((partition, i) => {
        const part = this.parts[partition]!;
        part.known = Math.max(part.known, epoch);
        if (part.stage !== 'handing' || part.operation !== operation) return;
        part.operation = 0;
        if (reply?.result[i] === 0) done.push(partition);
        else part.notBeforeMs = nowMs + (reply === undefined ? limits.controlRetryMs : 0);
      });
      this.#sealedAway(done, to);
      this.busy = true;
    });
    for (const partition of partitions) {
      // From now on the epoch is spent, whatever the answer: a way back must go above it.
      const part = this.parts[partition]!;
      Object.assign(part, { stage: 'handing', operation, to, sealEpoch: epoch, known: Math.max(part.known, epoch) });
    }
  }

  #sealedAway(partitions: readonly number[], to: string): void {
    if (partitions.length === 0) return;
    const receiver = this.table!.members.find((member) => nameOf(member) === to);
    const epochs = partitions.map((partition) => this.parts[partition]!.sealEpoch);
    if (receiver !== undefined) {
      const { id: peer, incarnation } = receiver;
      const rows = partitions.map((partition) => this.parts[partition]!.rows);
      this.#ports.emit({ do: 'send', peer, incarnation, frame: { type: 'handed', partitions, epochs, rows } });
    }
    const drops = new Groups<number>();
    for (const partition of partitions) {
      const part = this.parts[partition]!;
      if (part.worker >= 0) drops.add(part.worker, partition);
      Object.assign(part, { stage: 'handed', worker: -1, operation: 0 });
    }
    for (const [worker, dropped] of drops) {
      const target = receiver === undefined ? undefined : { node: receiver.id };
      this.#ports.emit({ do: 'drop', worker, partitions: dropped, to: target });
    }
  }

  /** Adds the seal of a share that the store may have lost, if there is one that we can answer for. */
  sealOf(part: Part, partition: number, again: Groups<string>): void {
    if (part.stage === 'handed') again.add(`${part.sealEpoch} ${part.to}`, partition);
    else if (part.worker >= 0 && part.stage !== 'handing') again.add(`${part.epoch} ${this.#name}`, partition);
    else part.doubted = false;
  }

  /**
   * Seals again what was sealed, under the same epoch: epochs only grow, so nobody who came later can be overtaken. Where
   * it is ours, the worker writes everything anew. `key`: epoch and owner.
   */
  sealAgain(key: string, partitions: readonly number[]): void {
    const space = key.indexOf(' ');
    const epoch = Number(key.slice(0, space));
    const owner = key.slice(space + 1);
    for (const partition of partitions) this.parts[partition]!.doubted = false;
    this.#ports.ask('seal', [partitions, epoch, owner], (reply, nowMs) => {
      this.busy = true;
      if (reply === undefined) {
        this.sealAgainAtMs = nowMs + limits.controlRetryMs;
        for (const partition of partitions) {
          this.parts[partition]!.doubted = true;
          this.restless.add(partition);
        }
        return;
      }
      const saves = new Groups<number>();
      const held: number[] = [];
      partitions.forEach((partition, i) => {
        const part = this.parts[partition]!;
        const refusedBy = reply.result[i]!;
        // By a higher epoch: a later owner has it, and our next write is told so.
        if (owner !== this.#name || part.epoch !== epoch || part.worker < 0 || refusedBy > epoch) return;
        saves.add(part.worker, partition);
        // By ours, most likely; or by one that was made after the store had lost ours.
        if (refusedBy === epoch) held.push(partition);
      });
      this.learnSeals(held);
      for (const [worker, saved] of saves)
        this.#ports.emit({ do: 'save-again', worker, shares: this.#sharesOf(saved) });
    });
  }

  /** A seal to the receiver may or may not have happened: only the store knows. */
  resolveDoubts(partitions: readonly number[]): void {
    const operation = this.#ports.ask('owners', [partitions], (reply, nowMs) => {
      const done = new Groups<string>();
      partitions.forEach((partition, i) => {
        const part = this.parts[partition]!;
        if (part.stage !== 'handing' || part.operation !== operation) return;
        part.operation = 0;
        const found = reply?.result[i];
        if (found === undefined) {
          part.notBeforeMs = nowMs + limits.controlRetryMs;
          return;
        }
        part.known = Math.max(part.known, found.epoch);
        if (found.owner === part.to) done.add(part.to, partition);
        // Not done, or lost by the store with the seal before it: seal it to the receiver, again.
        else if (found.owner === this.#name || found.epoch < part.epoch) part.stage = 'frozen';
        else if (this.#isBygone(found)) Object.assign(part, { stage: 'frozen', sealEpoch: 0 });
        else this.#ports.tableIsOld(); // Somebody took over: the table that says so is on its way.
      });
      for (const [to, sealed] of done) this.#sealedAway(sealed, to);
      this.busy = true;
    });
    for (const partition of partitions) this.parts[partition]!.operation = operation;
  }

  /**
   * The seal is older than our table, which gives the partition to us, and its owner is no member: it was made in a store
   * that had lost everything, before our table came back. Nobody can act by it.
   */
  #isBygone({ epoch, owner }: PartitionOwner): boolean {
    const table = this.table!;
    return epoch < table.epoch * minorsPerTable && !table.members.some((member) => nameOf(member) === owner);
  }

  /**
   * These are sealed to us, by another node or as it seems: our store client shall know it, or a Redis that loses it later looks
   * like a later owner; and if somebody else has them, we shall.
   */
  learnSeals(partitions: readonly number[]): void {
    if (partitions.length > 0) this.#unlearned = [...this.#unlearned, ...partitions];
  }

  get hasToLearn(): boolean {
    return this.#unlearned.length > 0;
  }

  /** Is something that is to come ours already? The old owner's word may have been lost on the way. */
  poll(wanted: readonly number[], nowMs: number): void {
    if (this.#isPolling || !(wanted.length > 0 || this.hasToLearn)) return;
    const unlearned = this.#unlearned;
    const partitions = [...wanted, ...unlearned];
    this.#unlearned = [];
    this.#isPolling = true;
    this.pollAtMs = nowMs + limits.ownersPollMs;
    this.#ports.ask('owners', [partitions], (reply, replyMs) => {
      this.#isPolling = false;
      if (reply === undefined) this.learnSeals(unlearned);
      // A store that has much to do is not asked all the time for what has not come yet. But it may have been us who stood still.
      const restMs = Math.min(2 * (replyMs - nowMs), limits.ownersPollMsMax);
      this.pollAtMs = Math.max(this.pollAtMs, replyMs + restMs);
      const mine: number[] = [];
      partitions.forEach((partition, i) => {
        const part = this.parts[partition]!;
        const found = reply?.result[i];
        if (found !== undefined && found.owner !== this.#name && found.epoch === part.epoch)
          return this.overtaken(part, partition, replyMs);
        if (found?.owner !== this.#name || part.stage !== 'away' || found.epoch < part.known) return;
        const want = this.want(partition);
        if (want !== 'take' && want !== 'mine') return;
        part.epoch = part.known = found.epoch;
        mine.push(partition);
      });
      this.load(mine, replyMs);
      this.busy = true;
    });
  }

  #sharesOf(partitions: readonly number[]): Share[] {
    return partitions.map((partition) => ({ partition, epoch: this.parts[partition]!.epoch }));
  }
}

function nameOf(member: TableMember): string {
  return ownerName(member.id, member.incarnation);
}
