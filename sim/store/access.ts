/** The store for one thread of a process: operations of production go the way of the process, answers come to the thread. */
import type { CoordinationAccess, Done, Ended, SnapshotAccess } from '../../cluster/store-access.ts';
import type {
  CasParameters,
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
} from '../../cluster/store-ports.ts';
import type { Owner } from '../kernel.ts';
import type { SimStore } from '../store.ts';
import type { StoreData } from './data.ts';
import type { StoreWay } from './operation.ts';

export class SimStoreAccess implements CoordinationAccess, SnapshotAccess {
  readonly #store: SimStore;
  readonly #node: string;
  readonly #way: StoreWay;
  readonly #asker: Owner;
  #lastReplyMs = 0;

  constructor(store: SimStore, node: string, process: Owner, asker: Owner) {
    this.#store = store;
    this.#node = node;
    this.#way = store.wayOf(node, process);
    this.#asker = asker;
  }

  lease(id: string, incarnation: number, ttlMs: number, info: MemberInfo, done: Done<LeaseReply>): void {
    const { watches, kernel } = this.#store;
    const askedAtMs = kernel.nowMs;
    this.#ask(
      'lease',
      (data) => data.memory.lease(id, incarnation, ttlMs, info),
      (error, reply) => {
        const { life } = this.#store;
        if (error !== undefined) done(error, undefined);
        else done(undefined, life === undefined ? reply : { ...reply, storeLife: life });
      },
      (reply) => {
        for (const watch of watches) watch.leased?.(id, incarnation, reply, askedAtMs);
      },
    );
  }

  vote(target: string, targetIncarnation: number, voter: string, issuedAtMs: number, done: Done<VoteReply>): void {
    const { watches } = this.#store;
    this.#ask(
      'vote',
      (data) => data.memory.vote(target, targetIncarnation, voter, issuedAtMs),
      done,
      (reply) => {
        for (const watch of watches) watch.voted?.(target, targetIncarnation, voter, issuedAtMs, reply);
      },
    );
  }

  release(id: string, incarnation: number, done: Done<boolean>): void {
    const { watches } = this.#store;
    this.#ask(
      'release',
      (data) => data.memory.release(id, incarnation),
      done,
      (known) => {
        if (known) for (const watch of watches) watch.released?.(id, incarnation);
      },
    );
  }

  members(done: Done<MemberRow[]>): void {
    this.#ask('members', (data) => data.memory.members(), done);
  }

  readTable(done: Done<StoredTable | undefined>): void {
    this.#ask('readTable', (data) => data.memory.readTable(), done);
  }

  casTable(...parameters: [...CasParameters, done: Done<CasReply>]): void {
    const { watches } = this.#store;
    const [expectEpoch, expectNonce, epoch, nonce, bytes, currentVoters, nextVoters, done] = parameters;
    this.#ask(
      'casTable',
      (data) => data.memory.casTable(expectEpoch, expectNonce, epoch, nonce, bytes, currentVoters, nextVoters),
      done,
      (reply) => {
        if (!reply.ok) return;
        for (const watch of watches) watch.tableStored?.({ epoch, nonce, bytes }, currentVoters, nextVoters);
      },
    );
  }

  seal(partitions: readonly number[], epoch: number, owner: string, done: Done<number[]>): void {
    const { watches } = this.#store;
    const list = [...partitions];
    this.#ask(
      'seal',
      (data) => data.seal(list, epoch, owner),
      (...reply) => {
        const [error, result] = reply;
        if (error === undefined)
          for (const [index, partition] of list.entries())
            if (result[index] === 0) this.#way.sealed(partition, epoch, owner);
        done(...reply);
      },
      (result) => {
        for (const watch of watches)
          for (const [index, partition] of list.entries())
            if (result[index] === 0) watch.sealed?.(partition, epoch, owner);
      },
    );
  }

  owners(partitions: readonly number[], done: Done<PartitionOwner[]>): void {
    const list = [...partitions];
    this.#ask(
      'owners',
      (data) => data.memory.owners(list),
      (...reply) => {
        for (const [index, { epoch, owner }] of (reply[1] ?? []).entries())
          if (owner !== '') this.#way.sealed(list[index]!, epoch, owner);
        done(...reply);
      },
    );
  }

  write(
    partition: number,
    epoch: number,
    owner: string,
    rows: readonly SnapshotRow[],
    durable: boolean,
    done: Done<WriteReply>,
  ): void {
    const copies = rows.map(([key, value]): SnapshotRow => [key, value === null ? null : Buffer.from(value)]);
    this.#store.writing(this.#node);
    this.#way.write({ partition, epoch, owner, rows: copies }, durable, (...reply) => this.#answer(done, reply));
  }

  loadPieces(partitions: readonly number[], onRows: (rows: LoadedRow[]) => void, done: Ended): void {
    const list = [...partitions];
    const loaded: Done<LoadedRow[]> = (error, rows) => {
      if (error !== undefined) return done(error);
      onRows(rows);
      done(undefined);
    };
    this.#way.ask({ name: 'load', writes: false, isLoad: true, run: (data) => data.memory.load(list) }, (...reply) =>
      this.#answer(loaded, reply),
    );
  }

  user(aor: string, done: Done<StoredUser | undefined>): void {
    this.#ask('user', (data) => data.memory.user(aor), done);
  }

  #ask<T>(name: string, run: (data: StoreData) => T, done: Done<T>, seen?: (result: T) => void): void {
    const operation = { name, writes: seen !== undefined, isLoad: false, run, ...(seen && { done: seen }) };
    this.#way.ask(operation, (...reply) => this.#answer(done, reply));
  }

  /** From the store thread to ours, in order. */
  #answer<T>(done: Done<T>, reply: Parameters<Done<T>>): void {
    const { kernel } = this.#store;
    this.#lastReplyMs = Math.max(kernel.nowMs + this.#store.threadMs(), this.#lastReplyMs);
    kernel.at(this.#lastReplyMs - kernel.nowMs, this.#asker, () => done(...reply));
  }
}
