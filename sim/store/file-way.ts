/**
 * The store thread of one process over the embedded store: it does one thing after the other, waits for the lock while
 * others write (limits.storeBusyMs at most), and takes all snapshots that wait into one commit.
 */
import type { Done } from '../../cluster/store-access.ts';
import type { WriteBatch, WriteReply } from '../../cluster/store-ports.ts';
import { StoreError } from '../../cluster/store-ports.ts';
import { limits } from '../../src/limits.ts';
import type { Owner } from '../kernel.ts';
import { fileErrors } from './file.ts';
import type { SimFile } from './file.ts';
import type { Operation, Outcome, StoreWatch, StoreWay } from './operation.ts';
import { answer } from './operation.ts';

interface Job {
  readonly writes: boolean;
  readonly durable: boolean;
  /** Rows of snapshots: on a full disk they find no space, while small changes may. */
  readonly grows: boolean;
  /** @throws StoreError */
  readonly run: () => void;
  readonly end: (error: StoreError | undefined) => void;
}

interface Waiting {
  readonly batch: WriteBatch;
  readonly durable: boolean;
  readonly done: Done<WriteReply>;
}

export class FileWay implements StoreWay {
  readonly #file: SimFile;
  readonly #node: string;
  readonly #process: Owner;
  readonly #watches: readonly StoreWatch[];
  readonly #jobs: Job[] = [];
  #waiting: Waiting[] = [];
  #busy = false;
  #lastMs = 0;

  constructor(file: SimFile, node: string, process: Owner, watches: readonly StoreWatch[]) {
    this.#file = file;
    this.#node = node;
    this.#process = process;
    this.#watches = watches;
  }

  ask<T>(operation: Operation<T>, done: Done<T>): void {
    let outcome: Outcome<T> | undefined;
    this.#arrive(operation.isLoad, () => {
      this.#jobs.push({
        writes: operation.writes,
        durable: false,
        grows: false,
        run: () => {
          const result = operation.run(this.#file.data);
          outcome = { result };
          operation.done?.(result);
        },
        end: (error) => answer(error === undefined ? outcome! : { error }, done),
      });
    });
  }

  write(batch: WriteBatch, durable: boolean, done: Done<WriteReply>): void {
    this.#arrive(true, () => this.#waiting.push({ batch, durable, done }));
  }

  sealed(): void {} // A file loses no seals.

  /** Snapshots and loads of one process in the order asked; control may overtake them. */
  #arrive(inOrder: boolean, put: () => void): void {
    const { kernel } = this.#file;
    let atMs = kernel.nowMs + this.#file.delayMs();
    if (inOrder) atMs = this.#lastMs = Math.max(atMs, this.#lastMs);
    kernel.at(atMs - kernel.nowMs, this.#process, () => {
      put();
      this.#work();
    });
  }

  #work(): void {
    while (!this.#busy) {
      const job = this.#jobs.shift() ?? this.#commit();
      if (job === undefined) return;
      this.#do(job, this.#file.kernel.nowMs);
    }
  }

  /** All snapshots that wait, as one job. */
  #commit(): Job | undefined {
    const waiting = this.#waiting;
    if (waiting.length === 0) return undefined;
    this.#waiting = [];
    const replies: WriteReply[] = [];
    return {
      writes: true,
      durable: waiting.some(({ durable }) => durable),
      grows: true,
      run: () => {
        for (const { batch } of waiting) {
          const { partition, epoch, owner, rows } = batch;
          const reply = this.#file.data.memory.write(partition, epoch, owner, rows);
          replies.push(reply);
          for (const watch of this.#watches) watch.written?.(partition, epoch, owner, rows, reply);
        }
      },
      end: (error) => {
        for (const [index, { batch, done }] of waiting.entries()) {
          if (error !== undefined || replies[index] === 'ok')
            for (const watch of this.#watches) watch.told?.(batch.rows, error === undefined);
          answer(error === undefined ? { result: replies[index]! } : { error }, done);
        }
      },
    };
  }

  #do(job: Job, sinceMs: number): void {
    const file = this.#file;
    const { kernel, random } = file;
    if (file.isGone) return this.#end(job, fileErrors.gone, 0);
    if (job.writes) {
      const leftMs = sinceMs + limits.storeBusyMs - kernel.nowMs;
      const lockedMs = file.freeAtMs(this.#node) - kernel.nowMs;
      if (lockedMs > 0 && leftMs <= 0) return this.#end(job, fileErrors.busy, 0);
      if (lockedMs > 0) {
        // Looks again when the lock may be free, with the jitter of production; the whole thread waits with it.
        this.#busy = true;
        const againMs = Math.min(leftMs, Math.min(lockedMs, 50) + random.between(0.1, 4));
        return kernel.at(againMs, this.#process, () => {
          this.#busy = false;
          this.#do(job, sinceMs);
          this.#work();
        });
      }
      if (file.isFull && (job.grows || random.chance(0.3))) return this.#end(job, fileErrors.full, 0);
      // The error may come before anything was written, or when what was written is to be forced to disk.
      if (file.isBroken && random.chance(0.5)) return this.#end(job, fileErrors.broken, 0);
    }
    const forcedMs = job.durable ? random.between(file.forceMs[0], file.forceMs[1]) : 0;
    try {
      job.run();
    } catch (error) {
      if (error instanceof StoreError) return this.#end(job, error, 0);
      throw error;
    }
    this.#end(job, job.writes && file.isBroken ? fileErrors.broken : undefined, forcedMs);
  }

  #end(job: Job, error: StoreError | undefined, afterMs: number): void {
    if (afterMs === 0) return job.end(error);
    this.#busy = true;
    this.#file.kernel.at(afterMs, this.#process, () => {
      this.#busy = false;
      job.end(error);
      this.#work();
    });
  }
}
