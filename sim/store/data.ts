/**
 * What a store of the world holds: the memory store of production, and beside it what only Redis keeps (the number of the
 * last write of each partition). Replicas are the same thing, fed with the same changes later.
 */
import { MemoryStore } from '../../cluster/stores/memory.ts';
import type { SnapshotRow, WriteReply } from '../../cluster/store-ports.ts';
import type { Times } from '../../src/limits.ts';
import { worldStartMs } from '../clock.ts';

/** Refused because a later write of the same owner was done before it. */
export const overtaken = 'overtaken';

/** How long a vote counts, and how old it may be when it comes. */
export type VoteTimes = Pick<Times, 'voteTtlMs' | 'voteIssueWindowMs'>;

function voteTimes({ voteTtlMs, voteIssueWindowMs }: VoteTimes): VoteTimes {
  return { voteTtlMs, voteIssueWindowMs };
}

export class StoreData {
  readonly memory: MemoryStore;
  readonly #nowMs: () => number;
  readonly #times: VoteTimes;
  readonly #lastWrites: Map<number, number>;
  /** A replica repeats what its master did at the time of its master. */
  #pinnedMs: number | undefined;

  /** @param nowMs the time of the kernel */
  constructor(nowMs: () => number, times: VoteTimes, from?: StoreData) {
    this.#nowMs = nowMs;
    this.#times = times;
    this.#lastWrites = new Map(from === undefined ? [] : from.#lastWrites);
    const options = { nowMs: () => worldStartMs + Math.floor(this.#pinnedMs ?? nowMs()), ...voteTimes(times) };
    this.memory = from === undefined ? new MemoryStore(options) : from.memory.copy(options);
  }

  copy(): StoreData {
    return new StoreData(this.#nowMs, this.#times, this);
  }

  /** Repeats a change that was made at this time of the kernel. */
  repeat(atMs: number, change: (data: StoreData) => void): void {
    this.#pinnedMs = atMs;
    change(this);
    this.#pinnedMs = undefined;
  }

  seal(partitions: readonly number[], epoch: number, owner: string): number[] {
    const replies = this.memory.seal(partitions, epoch, owner);
    for (const [index, partition] of partitions.entries()) if (replies[index] === 0) this.#lastWrites.delete(partition);
    return replies;
  }

  /** As cluster/stores/redis/lua/write.lua: the writes of an owner are numbered upwards. */
  writeNumbered(
    partition: number,
    epoch: number,
    owner: string,
    rows: readonly SnapshotRow[],
    number: number,
  ): WriteReply | typeof overtaken {
    const [sealed] = this.memory.owners([partition]);
    const isOwner = sealed!.epoch === epoch && sealed!.owner === owner && sealed!.owner !== '';
    if (isOwner && (this.#lastWrites.get(partition) ?? -1) >= number) return overtaken;
    const reply = this.memory.write(partition, epoch, owner, rows);
    if (reply === 'ok') this.#lastWrites.set(partition, number);
    return reply;
  }
}
