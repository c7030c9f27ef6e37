/**
 * Snapshots on Redis: a commit is one script per partition and owner, all in one pipeline; a load reads some partitions
 * at a time.
 *
 * A seal that Redis lost (wiped, or a failover to a replica that had not got it) shows as a refusal by a lower epoch than
 * one we know to have been sealed. Epochs of seals only grow, so nobody else can have it: it is sealed again and the
 * write repeated. A refusal by a higher epoch, or by another owner, stands.
 */
import { limits } from '../../../src/limits.ts';
import { StoreError } from '../../store-ports.ts';
import type { LoadedRow, WriteBatch } from '../../store-ports.ts';
import { rowsFault } from '../checks.ts';
import type { LoadedPiece, WriteOutcome } from '../served.ts';
import type { Asking } from './asking.ts';
import { groupsOf, KnownSeals } from './groups.ts';
import type { Group } from './groups.ts';
import type { Argument, Reply, Step } from './pipeline.ts';
import { listOf, numberOf, octetsOf, textOf } from './values.ts';

const written = 1;
const overtaken = 2;

export class RedisSnapshots {
  readonly #ask: Asking;
  readonly #seals = new KnownSeals();
  /** Numbers of writes grow over the lives of this process too. */
  #lastWrite: number;

  constructor(ask: Asking, firstWrite: number) {
    this.#ask = ask;
    this.#lastWrite = firstWrite;
  }

  sealed(partition: number, epoch: number, owner: string): void {
    this.#seals.add(partition, epoch, owner);
  }

  async writeBatch(batches: readonly WriteBatch[], durable: boolean): Promise<WriteOutcome[]> {
    const outcomes = batches.map(({ partition, rows }): WriteOutcome => rowsFault(partition, rows) ?? 'ok');
    const groups = groupsOf(batches, outcomes);
    const replies = await this.#write(groups, durable);
    const lost = groups.filter((group, i) => this.#seals.isLost(group, replies[i]));
    if (lost.length > 0) {
      await this.#sealAgain(lost);
      const again = await this.#write(lost, durable);
      for (const [i, group] of lost.entries()) replies[groups.indexOf(group)] = again[i] ?? 'ok';
    }
    for (const [i, { partition, epoch, owner, batches: indices }] of groups.entries()) {
      const reply = replies[i] ?? 'ok';
      if (reply === 'ok') this.sealed(partition, epoch, owner);
      for (const index of indices) outcomes[index] = reply;
    }
    return outcomes;
  }

  /** The pieces of a load. Snapshots of a partition are read as a whole, and sorted here: Redis keeps no order. */
  load(partitions: readonly number[]): () => Promise<LoadedPiece> {
    let index = 0;
    let waiting: LoadedRow[] = [];
    return async () => {
      while (waiting.length === 0 && index < partitions.length) {
        const some = partitions.slice(index, index + limits.redisLoadPartitions);
        waiting = await this.#read(some);
        index += some.length;
      }
      const count = countWithin(waiting, limits.storeLoadChunkRows, limits.storeLoadChunkBytes);
      const rows = waiting.slice(0, count);
      waiting = waiting.slice(count);
      return { rows, last: waiting.length === 0 && index >= partitions.length };
    };
  }

  async #read(partitions: readonly number[]): Promise<LoadedRow[]> {
    const { keys } = this.#ask;
    const steps = partitions.map((partition) => this.#ask.step('load', [keys.snapshots(partition)], []));
    const replies = await this.#ask.all(steps, 'loading snapshots', false);
    return replies.flatMap((reply, i) => rowsOf(partitions[i] ?? 0, listOf(reply)));
  }

  async #write(groups: readonly Group[], durable: boolean): Promise<WriteOutcome[]> {
    if (groups.length === 0) return [];
    const number = ++this.#lastWrite;
    const steps = groups.map((group) => this.#step(group, number));
    const outcomes = await this.#ask.connection.run(steps, 'writing snapshots', durable);
    return outcomes.map((outcome) => (outcome instanceof StoreError ? outcome : outcomeOf(outcome)));
  }

  #step({ partition, epoch, owner, rows }: Group, number: number): Step {
    const { keys } = this.#ask;
    const puts: Argument[] = [];
    const deletes: Argument[] = [];
    for (const [key, value] of rows) {
      if (value === null) deletes.push(key);
      else puts.push(key, Buffer.from(value.buffer, value.byteOffset, value.byteLength));
    }
    const parameters = [epoch, owner, number, puts.length / 2, ...puts, ...deletes];
    return this.#ask.step('write', [keys.owner(partition), keys.snapshots(partition)], parameters);
  }

  async #sealAgain(groups: readonly Group[]): Promise<void> {
    const { keys } = this.#ask;
    const steps = groups.map(({ partition, epoch, owner }) =>
      this.#ask.step('seal', [keys.owner(partition)], [epoch, owner]),
    );
    // What went wrong here shows when the write is repeated.
    await this.#ask.connection.run(steps, 'sealing again what the store lost', true);
  }
}

function outcomeOf(reply: Reply): WriteOutcome {
  const [result, epoch] = listOf(reply).map(numberOf);
  if (result === written) return 'ok';
  if (result !== overtaken) return { fencedBy: epoch ?? 0 };
  return new StoreError(
    'busy',
    'A write came so late that later ones of this node were done before it; it was left out.',
  );
}

function rowsOf(partition: number, fields: readonly Reply[]): LoadedRow[] {
  const rows: LoadedRow[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2)
    rows.push({ partition, key: textOf(fields[i]), value: octetsOf(fields[i + 1]) });
  return rows.sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** How many of the first rows make a piece; at least one if there is one. */
function countWithin(rows: readonly LoadedRow[], rowsMax: number, bytesMax: number): number {
  let bytes = 0;
  for (const [i, { value }] of rows.entries()) {
    bytes += value.length;
    if (i + 1 >= rowsMax || bytes >= bytesMax) return i + 1;
  }
  return rows.length;
}
