/** Many seeds in several threads: hands them out one by one, adds up what comes back, stops at the first failure. */
import { Worker } from 'node:worker_threads';
import type { SimWishes } from './options.ts';
import type { Failure } from './simulate.ts';

export interface BatchWork {
  /** The first seed; the others follow it. */
  readonly from: number;
  readonly seeds: number;
  readonly jobs: number;
  readonly wishes: SimWishes;
  /** Asked before each seed; false: no more of them. */
  goOn(): boolean;
  /** After each seed. */
  progress(totals: BatchTotals): void;
}

export interface BatchTotals {
  seeds: number;
  virtualMs: number;
  events: number;
  /** Points of sim/coverage.ts, with how often. */
  readonly reached: Map<string, number>;
  /** The lowest of those that failed. */
  failed: { readonly seed: number; readonly failure: Failure } | undefined;
}

/** What a thread tells of a seed. */
export interface SeedTold {
  readonly seed: number;
  readonly virtualMs: number;
  readonly events: number;
  readonly reached: readonly (readonly [point: string, count: number])[];
  readonly failure: Failure | undefined;
}

/** A world lives for less than a second: most of it never needs to grow old. */
const youngMb = 192;

/** @param done gets the sums when all threads have ended; the error of a thread that broke. */
export function runBatch(work: BatchWork, done: (error: unknown, totals: BatchTotals) => void): void {
  const totals: BatchTotals = { seeds: 0, virtualMs: 0, events: 0, reached: new Map(), failed: undefined };
  let next = work.from;
  let broken: unknown;
  let running = Math.max(1, Math.min(work.jobs, work.seeds));
  const hand = (thread: Worker): void => {
    const isOver =
      next >= work.from + work.seeds || totals.failed !== undefined || broken !== undefined || !work.goOn();
    // The thread ends when it has nothing to wait for.
    thread.postMessage(isOver ? undefined : next++);
  };
  for (let job = running; job > 0; job--) {
    const thread = new Worker(new URL('batch-thread.ts', import.meta.url), {
      workerData: work.wishes,
      resourceLimits: { maxYoungGenerationSizeMb: youngMb },
    });
    thread.on('message', (told: SeedTold) => {
      add(totals, told);
      work.progress(totals);
      hand(thread);
    });
    thread.on('error', (error) => (broken ??= error));
    thread.on('exit', () => {
      if (--running === 0) done(broken, totals);
    });
    hand(thread);
  }
}

function add(totals: BatchTotals, told: SeedTold): void {
  totals.seeds++;
  totals.virtualMs += told.virtualMs;
  totals.events += told.events;
  for (const [point, count] of told.reached) totals.reached.set(point, (totals.reached.get(point) ?? 0) + count);
  if (told.failure !== undefined && (totals.failed === undefined || told.seed < totals.failed.seed))
    totals.failed = { seed: told.seed, failure: told.failure };
}
