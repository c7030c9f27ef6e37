/**
 * The store thread of one process over the simulated Redis. Three connections as in cluster/stores/redis/store.ts; commits
 * of snapshots are grouped, numbered and repeated after a lost seal by the rules of production.
 */
import { groupsOf, KnownSeals } from '../../cluster/stores/redis/groups.ts';
import type { Group } from '../../cluster/stores/redis/groups.ts';
import { rowsFault } from '../../cluster/stores/checks.ts';
import type { WriteOutcome } from '../../cluster/stores/served.ts';
import type { Done } from '../../cluster/store-access.ts';
import { StoreError } from '../../cluster/store-ports.ts';
import type { WriteBatch, WriteReply } from '../../cluster/store-ports.ts';
import type { Owner } from '../kernel.ts';
import type { StoreData } from './data.ts';
import { overtaken } from './data.ts';
import { answer } from './operation.ts';
import type { Operation, Outcome, StoreWatch, StoreWay } from './operation.ts';
import { RedisConnection } from './redis-connection.ts';
import type { Script, SimRedis } from './redis.ts';

interface Waiting {
  readonly batch: WriteBatch;
  readonly durable: boolean;
  readonly done: Done<WriteReply>;
}

const late = new StoreError('busy', 'A write came so late that later ones of this node were done before it.');

export class RedisWay implements StoreWay {
  readonly #redis: SimRedis;
  readonly #watches: readonly StoreWatch[];
  readonly #control: RedisConnection;
  readonly #writes: RedisConnection;
  readonly #loads: RedisConnection;
  readonly #seals = new KnownSeals();
  #lastWrite: number;
  #waiting: Waiting[] = [];
  #isCommitting = false;

  constructor(redis: SimRedis, node: string, process: Owner, watches: readonly StoreWatch[]) {
    this.#redis = redis;
    this.#watches = watches;
    this.#control = new RedisConnection(redis, node, process);
    this.#writes = new RedisConnection(redis, node, process);
    this.#loads = new RedisConnection(redis, node, process);
    this.#lastWrite = Math.floor(redis.kernel.nowMs) * 1_000;
  }

  ask<T>(operation: Operation<T>, done: Done<T>): void {
    const script: Script = {
      writes: operation.writes,
      keys: 1,
      run: (data) => operation.run(data),
      done: (result) => operation.done?.(result as T),
    };
    const connection = operation.isLoad ? this.#loads : this.#control;
    connection.run([script], operation.writes, ([reply]) => answer(reply as Outcome<T>, done));
  }

  /** This process has sealed it, or had it sealed to itself. */
  sealed(partition: number, epoch: number, owner: string): void {
    this.#seals.add(partition, epoch, owner);
  }

  write(batch: WriteBatch, durable: boolean, done: Done<WriteReply>): void {
    this.#waiting.push({ batch, durable, done });
    if (!this.#isCommitting) this.#commit();
  }

  #commit(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#isCommitting = true;
    const { life } = this.#redis;
    const batches = waiting.map(({ batch }) => batch);
    const durable = waiting.some((each) => each.durable);
    const outcomes = batches.map(({ partition, rows }): WriteOutcome => rowsFault(partition, rows) ?? 'ok');
    const groups = groupsOf(batches, outcomes);
    const finish = (replies: readonly WriteOutcome[]): void => {
      for (const [index, { partition, epoch, owner, batches: numbers }] of groups.entries()) {
        const reply = replies[index]!;
        if (reply === 'ok') this.sealed(partition, epoch, owner);
        for (const number of numbers) outcomes[number] = reply;
      }
      this.#isCommitting = false;
      for (const [index, { batch, done }] of waiting.entries()) {
        const outcome = outcomes[index]!;
        if (outcome instanceof StoreError || (outcome === 'ok' && this.#redis.life === life))
          for (const watch of this.#watches) watch.told?.(batch.rows, outcome === 'ok');
        answer(outcome instanceof StoreError ? { error: outcome } : { result: outcome }, done);
      }
      if (!this.#isCommitting) this.#commit();
    };
    this.#send(groups, durable, (replies) => {
      const lost = groups.filter((group, index) => this.#seals.isLost(group, replies[index]));
      if (lost.length === 0) return finish(replies);
      this.#writes.run(
        lost.map((group) => this.#sealScript(group)),
        true,
        () =>
          // What went wrong here shows when the write is repeated.
          this.#send(lost, durable, (again) =>
            finish(groups.map((group, index) => again[lost.indexOf(group)] ?? replies[index]!)),
          ),
      );
    });
  }

  #send(groups: readonly Group[], durable: boolean, done: (outcomes: WriteOutcome[]) => void): void {
    const number = ++this.#lastWrite;
    this.#writes.run(
      groups.map((group) => this.#writeScript(group, number)),
      durable,
      (replies) =>
        done(
          replies.map((reply): WriteOutcome => {
            if ('error' in reply) return reply.error;
            return reply.result === overtaken ? late : (reply.result as WriteReply);
          }),
        ),
    );
  }

  #writeScript({ partition, epoch, owner, rows }: Group, number: number): Script {
    const list = [...rows];
    return {
      writes: true,
      keys: 1 + list.length,
      run: (data: StoreData) => data.writeNumbered(partition, epoch, owner, list, number),
      done: (result) => {
        if (result === overtaken) return;
        for (const watch of this.#watches) watch.written?.(partition, epoch, owner, list, result as WriteReply);
      },
    };
  }

  #sealScript({ partition, epoch, owner }: Group): Script {
    return {
      writes: true,
      keys: 1,
      run: (data: StoreData) => data.seal([partition], epoch, owner),
      done: (result) => {
        if ((result as number[])[0] !== 0) return;
        for (const watch of this.#watches) watch.sealed?.(partition, epoch, owner);
      },
    };
  }
}
