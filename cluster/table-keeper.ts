/** The table that this node goes by: reads it from the store, takes newer ones from peers, stores the next one. */
import { limits } from '../src/limits.ts';
import type { Times } from '../src/limits.ts';
import type { StoreOperation } from './control-types.ts';
import type { Done } from './store-calls.ts';
import type { CoordinationStore, LeaseReply, StoredTable } from './store-ports.ts';
import { packTable, unpackTable } from './table.ts';
import type { Table } from './table.ts';

export interface TablePorts {
  ask<O extends StoreOperation>(op: O, args: Readonly<Parameters<CoordinationStore[O]>>, done: Done<O>): number;
  note(level: 'error', event: string, fields: Record<string, number>): void;
  /** From now on we go by `keeper.table`. `ours`: we stored it, so the peers do not know it yet. */
  adopted(before: Table | undefined, ours: boolean, nowMs: number): void;
  /** The answer of the store may have changed what is to be planned. */
  planAgain(): void;
  mayStore(): boolean;
  nonce(): string;
}

export class TableKeeper {
  readonly #ports: TablePorts;
  readonly #partitions: number;
  table: Table | undefined;
  packed: Uint8Array = new Uint8Array();
  /** A table is being stored; until the outcome is known no other is. */
  storing = false;
  /** What the store holds: it was read after the last attempt to store that failed. */
  #known = false;
  #wanted = false;
  #leastEpoch = 0;
  #reading = false;
  #notBeforeMs = -Infinity;
  /** A peer has a table of this epoch, since so long. */
  #heardEpoch = 0;
  #heardMs = Infinity;
  #storeLife: string | undefined;
  /** Before that a store without a table is not believed to be new. */
  #foundAtMs = Infinity;
  readonly #giveBackMs: number;

  constructor(partitions: number, { leaseRenewMs }: Times, ports: TablePorts) {
    this.#partitions = partitions;
    // Each of them renews its lease, finds that the table is not theirs, reads it and stores theirs.
    this.#giveBackMs = 2 * leaseRenewMs;
    this.#ports = ports;
  }

  get epoch(): number {
    return this.table?.epoch ?? 0;
  }

  get nonce(): string {
    return this.table?.nonce ?? '';
  }

  /**
   * What the store holds is known, and nothing is being stored. One that may forget and has no table is new, or somebody has
   * emptied it: who lives and has a table gives it back. Whoever stored a first table before that would be a second owner of
   * everything for a moment, and its seals would be equal to those of the first owners.
   */
  isSettled(nowMs: number): boolean {
    return !this.storing && this.#known && (this.table !== undefined || nowMs >= this.#foundAtMs);
  }

  /** The store granted a lease, and said which table it has and which life. */
  leased({ tableEpoch, storeLife }: LeaseReply, nowMs: number): void {
    const isFirst = this.#foundAtMs === Infinity;
    if (isFirst || storeLife !== this.#storeLife)
      this.#foundAtMs = storeLife === undefined ? nowMs : nowMs + this.#giveBackMs;
    this.#storeLife = storeLife;
    if (isFirst || tableEpoch !== this.epoch) this.want();
  }

  /** The store seems to hold another table than ours, perhaps one of at least this epoch. */
  want(leastEpoch = 0): void {
    this.#wanted = true;
    this.#leastEpoch = Math.max(this.#leastEpoch, leastEpoch);
  }

  /** A peer has a newer table. Who stored it sends it to everybody: the store is asked when it does not come. */
  heardOf(epoch: number, nowMs: number): void {
    if (this.#heardEpoch <= this.epoch || this.#heardMs === Infinity) this.#heardMs = nowMs;
    this.#heardEpoch = Math.max(this.#heardEpoch, epoch);
  }

  /** When `readIfWanted` next has something to do. */
  nextTickMs(): number {
    const heardMs = this.#heardMs + limits.tableComesMs;
    return this.#wanted && !this.#reading ? Math.min(heardMs, this.#notBeforeMs) : heardMs;
  }

  readIfWanted(nowMs: number): void {
    if (nowMs - this.#heardMs >= limits.tableComesMs) {
      this.#heardMs = Infinity;
      if (this.#heardEpoch > this.epoch) this.want();
    }
    if (!this.#wanted || this.#reading || nowMs < this.#notBeforeMs) return;
    this.#wanted = false;
    this.#reading = true;
    const asked = this.table;
    this.#ports.ask('readTable', [], (reply, replyMs) => {
      this.#reading = false;
      if (reply === undefined) {
        this.#wanted = true;
        this.#notBeforeMs = replyMs + limits.controlRetryMs;
        return;
      }
      this.#known = true;
      this.#ports.planAgain();
      const stored = reply.result;
      const table = stored === undefined ? undefined : unpackTable(stored.bytes);
      if (stored !== undefined && table === undefined) {
        this.#ports.note('error', 'table-unreadable', { epoch: stored.epoch });
        this.#known = false;
        return;
      }
      if (table !== undefined) {
        // Equal epochs and different nonces: the store lost tables and took another's. It decides, not we.
        const replaced = table.epoch === this.epoch && table.nonce !== this.nonce && this.table === asked;
        this.offer(table, stored!.bytes, replyMs, replaced);
      }
      if (asked !== undefined && asked === this.table && (stored?.epoch ?? 0) < asked.epoch) this.#giveBack(stored);
      else if (stored?.nonce === this.nonce && stored.epoch === this.epoch) this.#raise(stored);
    });
  }

  /** Adopts a table that is newer than ours, or not newer if `anyway`. */
  offer(table: Table, bytes: Uint8Array, nowMs: number, anyway = false): void {
    if ((table.epoch <= this.epoch && !anyway) || table.owner.length !== this.#partitions) return;
    this.#adopt(table, bytes, false, nowMs);
  }

  /** Stores `next` if the store still holds `expected`. */
  store(expected: { readonly epoch: number; readonly nonce: string } | undefined, next: Table): void {
    const bytes = packTable(next);
    const { epoch, nonce, voters, nextVoters } = next;
    const { epoch: oldEpoch, nonce: oldNonce } = expected ?? { epoch: 0, nonce: '' };
    this.storing = true;
    this.#ports.ask('casTable', [oldEpoch, oldNonce, epoch, nonce, bytes, voters, nextVoters], (reply, nowMs) => {
      this.storing = false;
      this.#ports.planAgain();
      if (reply?.result.ok === true) {
        if (epoch > this.epoch) this.#adopt(next, bytes, true, nowMs);
        return;
      }
      this.#known = false; // Another was first, or the outcome is unknown: the stored table tells.
      this.want();
    });
  }

  /** The store has lost our table (wiped, or restored from an old copy): give it back under a new epoch. */
  #giveBack(stored: StoredTable | undefined): void {
    if (this.storing || this.table === undefined || !this.#ports.mayStore()) return;
    this.#ports.note('error', 'table-lost-by-store', { stored: stored?.epoch ?? 0, ours: this.epoch });
    this.store(stored, { ...this.table, epoch: this.epoch + 1, nonce: this.#ports.nonce() });
  }

  /** What is sealed is of a later table than any that is left (the store had lost it, and others began anew): go above. */
  #raise(stored: StoredTable): void {
    if (this.#leastEpoch <= this.epoch || this.storing || !this.#ports.mayStore()) return;
    this.store(stored, { ...this.table!, epoch: this.#leastEpoch, nonce: this.#ports.nonce() });
  }

  #adopt(table: Table, bytes: Uint8Array, ours: boolean, nowMs: number): void {
    const before = this.table;
    this.table = table;
    this.packed = bytes;
    this.#ports.adopted(before, ours, nowMs);
  }
}
