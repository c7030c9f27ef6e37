/**
 * The simulator's model of a store, asked as the tests ask the real ones: each question runs the world until it is answered.
 * Several processes ask in turn, each by a way of its own.
 */
import assert from 'node:assert/strict';
import { worldStartMs } from '../../../sim/clock.ts';
import { Kernel, Owner } from '../../../sim/kernel.ts';
import { Stream } from '../../../sim/random.ts';
import { SimStoreAccess } from '../../../sim/store/access.ts';
import { SimStore } from '../../../sim/store.ts';
import type { Done } from '../../../cluster/store-access.ts';
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
  UserRecord,
  VoteReply,
  WriteBatch,
  WriteReply,
} from '../../../cluster/store-ports.ts';
import type { Subject } from './operations.ts';

/** Longer than any answer may take. */
const patienceMs = 10_000;

export interface SimulatedTimes {
  readonly replicas: number;
  /** To a replica. */
  readonly lagMs: readonly [number, number];
}

export class Simulated implements Subject {
  readonly kernel = new Kernel();
  readonly store: SimStore;
  readonly #access: SimStoreAccess;
  /** By owner of partitions: its process. */
  readonly #owners = new Map<string, SimStoreAccess>();

  constructor(
    kind: 'sqlite' | 'redis',
    seed: number,
    { replicas, lagMs }: SimulatedTimes = { replicas: 2, lagMs: [0, 0] },
  ) {
    const plan = { kind, replicas, lagMs, forceMs: [0, 0] } as const;
    this.store = new SimStore(this.kernel, new Stream(seed, 'store'), [0, 0], plan);
    this.#access = this.process('a');
  }

  /** Another process that uses the store. */
  process(name: string): SimStoreAccess {
    const process = new Owner(name);
    return new SimStoreAccess(this.store, name, process, new Owner(`${name}/0`, process));
  }

  /** The clock then shows this, or the next whole millisecond: what is asked takes a part of one. */
  setTime(ms: number): number {
    const nowMs = Math.max(ms - worldStartMs, Math.ceil(this.kernel.nowMs));
    this.kernel.run(nowMs);
    return worldStartMs + nowMs;
  }

  /** Runs the world until it is answered. @throws its error */
  ask<T>(question: (done: Done<T>) => void): T {
    let answer: Parameters<Done<T>> | undefined;
    question((...reply) => (answer = reply));
    this.kernel.run(this.kernel.nowMs + patienceMs, () => answer !== undefined);
    assert.ok(answer !== undefined, 'the store does not answer');
    const [error, result] = answer;
    if (error !== undefined) throw error;
    return result;
  }

  nowMs(): number {
    return worldStartMs + Math.floor(this.kernel.nowMs);
  }

  lease(id: string, incarnation: number, ttlMs: number, info: MemberInfo): LeaseReply {
    return this.ask((done) => this.#access.lease(id, incarnation, ttlMs, info, done));
  }

  vote(target: string, targetIncarnation: number, voter: string, issuedAtMs: number): VoteReply {
    return this.ask((done) => this.#access.vote(target, targetIncarnation, voter, issuedAtMs, done));
  }

  release(id: string, incarnation: number): boolean {
    return this.ask((done) => this.#access.release(id, incarnation, done));
  }

  members(): MemberRow[] {
    return this.ask((done) => this.#access.members(done));
  }

  readTable(): StoredTable | undefined {
    return this.ask<StoredTable | undefined>((done) => this.#access.readTable(done));
  }

  casTable(...parameters: CasParameters): CasReply {
    return this.ask((done) => this.#access.casTable(...parameters, done));
  }

  seal(partitions: readonly number[], epoch: number, owner: string): number[] {
    return this.ask((done) => this.#ownersAccess(owner).seal(partitions, epoch, owner, done));
  }

  owners(partitions: readonly number[]): PartitionOwner[] {
    return this.ask((done) => this.#access.owners(partitions, done));
  }

  write(partition: number, epoch: number, owner: string, rows: readonly SnapshotRow[]): WriteReply {
    return this.ask((done) => this.#ownersAccess(owner).write(partition, epoch, owner, rows, false, done));
  }

  /** As processes ask that have much to write: each all of its own at once. The replies are in the order of the batches. */
  writeBatch(batches: readonly WriteBatch[], durable: boolean): WriteReply[] {
    if (batches.length === 0) return [];
    return this.ask<WriteReply[]>((done) => {
      const replies: WriteReply[] = [];
      let waiting = batches.length;
      for (const [index, { partition, epoch, owner, rows }] of batches.entries())
        this.#ownersAccess(owner).write(partition, epoch, owner, rows, durable, (error, reply) => {
          if (error !== undefined) return done(error, undefined);
          replies[index] = reply;
          if (--waiting === 0) done(undefined, replies);
        });
    });
  }

  load(partitions: readonly number[]): LoadedRow[] {
    const rows: LoadedRow[] = [];
    return this.ask<LoadedRow[]>((done) =>
      this.#access.loadPieces(
        partitions,
        (piece) => rows.push(...piece),
        (error) => (error === undefined ? done(undefined, rows) : done(error, undefined)),
      ),
    );
  }

  user(aor: string): StoredUser | undefined {
    return this.ask<StoredUser | undefined>((done) => this.#access.user(aor, done));
  }

  #ownersAccess(owner: string): SimStoreAccess {
    let access = this.#owners.get(owner);
    if (access === undefined) this.#owners.set(owner, (access = this.process(owner)));
    return access;
  }

  // Users are provisioned past the nodes.

  putUser(user: UserRecord): void {
    this.store.memory.putUser(user);
  }

  putUsers(users: readonly UserRecord[]): void {
    this.store.memory.putUsers(users);
  }

  removeUser(aor: string): boolean {
    return this.store.memory.removeUser(aor);
  }

  users(after: string, limit: number): StoredUser[] {
    return this.store.memory.users(after, limit);
  }
}
