/**
 * The store of the world: one MemoryStore that all processes share, reached through a way of each process that is slow,
 * cut or full at times. An operation that failed may have happened. Every operation that is performed can be watched.
 */
import { MemoryStore } from '../cluster/stores/memory.ts';
import type { CoordinationAccess, Done, Ended, SnapshotAccess } from '../cluster/store-access.ts';
import { StoreError } from '../cluster/store-ports.ts';
import type {
  CasReply,
  LeaseReply,
  LoadedRow,
  MemberInfo,
  MemberRow,
  PartitionOwner,
  SnapshotRow,
  StoredTable,
  StoredUser,
  VoteReply,
  WriteReply,
} from '../cluster/store-ports.ts';
import { worldStartMs } from './clock.ts';
import type { Kernel, Owner } from './kernel.ts';
import type { Stream } from './random.ts';

export interface StoreWatch {
  leased?(id: string, incarnation: number, reply: LeaseReply): void;
  beforeVote?(target: string, incarnation: number, voter: string): void;
  voted?(target: string, incarnation: number, voter: string, issuedAtMs: number, reply: VoteReply): void;
  released?(id: string, incarnation: number): void;
  tableStored?(table: StoredTable, currentVoters: readonly string[], nextVoters: readonly string[]): void;
  sealed?(partition: number, epoch: number, owner: string): void;
  written?(partition: number, epoch: number, owner: string, rows: readonly SnapshotRow[], reply: WriteReply): void;
}

export class SimStore {
  memory: MemoryStore;
  latencyMs: readonly [number, number];
  /** Nobody reaches it. */
  isDown = false;
  /** No space: snapshots cannot be written. */
  isFull = false;
  readonly cutFrom = new Set<string>();
  readonly watches: StoreWatch[] = [];
  /** Called when the node next asks for a write, while that is under way. */
  readonly onWrite = new Map<string, () => void>();
  readonly #kernel: Kernel;
  readonly #random: Stream;

  constructor(kernel: Kernel, random: Stream, latencyMs: readonly [number, number]) {
    this.#kernel = kernel;
    this.#random = random;
    this.latencyMs = latencyMs;
    this.memory = this.#empty();
  }

  /** Everything is gone but the users, as when a store of memory is started anew and the users are provisioned again. */
  wipe(): void {
    const users = this.memory.users('', 1_000);
    this.memory = this.#empty();
    for (const user of users) this.memory.putUser(user);
  }

  #empty(): MemoryStore {
    return new MemoryStore({ nowMs: () => worldStartMs + Math.floor(this.#kernel.nowMs) });
  }

  get kernel(): Kernel {
    return this.#kernel;
  }

  delayMs(): number {
    return this.#random.between(this.latencyMs[0], this.latencyMs[1]);
  }

  chance(probability: number): boolean {
    return this.#random.chance(probability);
  }

  reachableFrom(node: string): boolean {
    return !this.isDown && !this.cutFrom.has(node);
  }

  /** By a supervisor that saw its child die. Repeated until it has been heard. */
  releaseDead(id: string, incarnation: number): void {
    this.#kernel.at(this.delayMs() + 3, undefined, () => {
      if (!this.reachableFrom(id)) return this.#kernel.at(200, undefined, () => this.releaseDead(id, incarnation));
      if (this.memory.release(id, incarnation)) for (const watch of this.watches) watch.released?.(id, incarnation);
    });
  }
}

/** The way of one process (its store thread) for one of its threads, which gets the answers. */
export class SimStoreAccess implements CoordinationAccess, SnapshotAccess {
  readonly #store: SimStore;
  readonly #node: string;
  readonly #process: Owner;
  readonly #asker: Owner;
  #lastMs = 0;
  #lastReplyMs = 0;

  constructor(store: SimStore, node: string, process: Owner, asker: Owner) {
    this.#store = store;
    this.#node = node;
    this.#process = process;
    this.#asker = asker;
  }

  lease(id: string, incarnation: number, ttlMs: number, info: MemberInfo, done: Done<LeaseReply>): void {
    this.#ask(done, (memory) => {
      const reply = memory.lease(id, incarnation, ttlMs, info);
      for (const watch of this.#store.watches) watch.leased?.(id, incarnation, reply);
      return reply;
    });
  }

  vote(target: string, targetIncarnation: number, voter: string, issuedAtMs: number, done: Done<VoteReply>): void {
    this.#ask(done, (memory) => {
      for (const watch of this.#store.watches) watch.beforeVote?.(target, targetIncarnation, voter);
      const reply = memory.vote(target, targetIncarnation, voter, issuedAtMs);
      for (const watch of this.#store.watches) watch.voted?.(target, targetIncarnation, voter, issuedAtMs, reply);
      return reply;
    });
  }

  release(id: string, incarnation: number, done: Done<boolean>): void {
    this.#ask(done, (memory) => {
      const known = memory.release(id, incarnation);
      if (known) for (const watch of this.#store.watches) watch.released?.(id, incarnation);
      return known;
    });
  }

  members(done: Done<MemberRow[]>): void {
    this.#ask(done, (memory) => memory.members());
  }

  readTable(done: Done<StoredTable | undefined>): void {
    this.#ask(done, (memory) => memory.readTable());
  }

  casTable(
    expectEpoch: number,
    expectNonce: string,
    epoch: number,
    nonce: string,
    bytes: Uint8Array,
    currentVoters: readonly string[],
    nextVoters: readonly string[],
    done: Done<CasReply>,
  ): void {
    this.#ask(done, (memory) => {
      const reply = memory.casTable(expectEpoch, expectNonce, epoch, nonce, bytes, currentVoters, nextVoters);
      if (reply.ok)
        for (const watch of this.#store.watches)
          watch.tableStored?.({ epoch, nonce, bytes }, currentVoters, nextVoters);
      return reply;
    });
  }

  seal(partitions: readonly number[], epoch: number, owner: string, done: Done<number[]>): void {
    this.#ask(done, (memory) => {
      const reply = memory.seal(partitions, epoch, owner);
      for (const watch of this.#store.watches)
        for (const [index, partition] of partitions.entries())
          if (reply[index] === 0) watch.sealed?.(partition, epoch, owner);
      return reply;
    });
  }

  owners(partitions: readonly number[], done: Done<PartitionOwner[]>): void {
    this.#ask(done, (memory) => memory.owners(partitions));
  }

  write(
    partition: number,
    epoch: number,
    owner: string,
    rows: readonly SnapshotRow[],
    _durable: boolean,
    done: Done<WriteReply>,
  ): void {
    const copies = rows.map(([key, value]): SnapshotRow => [key, value === null ? null : new Uint8Array(value)]);
    const moment = this.#store.onWrite.get(this.#node);
    if (moment !== undefined) {
      this.#store.onWrite.delete(this.#node);
      this.#store.kernel.at(0, undefined, moment);
    }
    this.#inOrder(done, (memory) => {
      if (this.#store.isFull) throw new StoreError('full', 'no space');
      const reply = memory.write(partition, epoch, owner, copies);
      for (const watch of this.#store.watches) watch.written?.(partition, epoch, owner, copies, reply);
      return reply;
    });
  }

  loadPieces(partitions: readonly number[], onRows: (rows: LoadedRow[]) => void, done: Ended): void {
    const loaded: Done<LoadedRow[]> = (error, rows) => {
      if (error !== undefined) return done(error);
      onRows(rows);
      done(undefined);
    };
    this.#inOrder(loaded, (memory) => memory.load(partitions));
  }

  user(aor: string, done: Done<StoredUser | undefined>): void {
    this.#ask(done, (memory) => memory.user(aor));
  }

  #ask<T>(done: Done<T>, perform: (memory: MemoryStore) => T): void {
    this.#perform(this.#store.delayMs(), () => this.#store.delayMs(), done, perform);
  }

  /** Writes and loads of one thread: in the order asked. */
  #inOrder<T>(done: Done<T>, perform: (memory: MemoryStore) => T): void {
    const { kernel } = this.#store;
    this.#lastMs = Math.max(kernel.nowMs + this.#store.delayMs(), this.#lastMs);
    const replyDelay = (): number => {
      this.#lastReplyMs = Math.max(kernel.nowMs + this.#store.delayMs(), this.#lastReplyMs);
      return this.#lastReplyMs - kernel.nowMs;
    };
    this.#perform(this.#lastMs - kernel.nowMs, replyDelay, done, perform);
  }

  #perform<T>(delayMs: number, replyDelayMs: () => number, done: Done<T>, perform: (memory: MemoryStore) => T): void {
    const store = this.#store;
    const { kernel } = store;
    kernel.at(delayMs, this.#process, () => {
      const before = store.reachableFrom(this.#node);
      // Of what is asked while the store is away some is done before the way breaks, and nobody hears of it.
      const reply = before || (store.chance(0.2) && !store.isDown) ? attempt(store, perform) : lost;
      const answer = before ? reply : lost;
      kernel.at(before ? replyDelayMs() : replyDelayMs() + 50, this.#asker, () => {
        if ('error' in answer) done(answer.error, undefined);
        else done(undefined, answer.result);
      });
    });
  }
}

type Reply<T> = { readonly error: StoreError } | { readonly result: T };

const lost: { readonly error: StoreError } = { error: new StoreError('busy', 'the store cannot be reached') };

function attempt<T>(store: SimStore, perform: (memory: MemoryStore) => T): Reply<T> {
  try {
    return { result: perform(store.memory) };
  } catch (error) {
    if (error instanceof StoreError) return { error };
    throw error;
  }
}
