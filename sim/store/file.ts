/**
 * The embedded store: one SQLite file on one machine, that all processes open. One writer at a time holds its lock; a
 * commit that is to survive the loss of power is forced to disk, which takes its time. Loss of power itself is not played.
 */
import { StoreError } from '../../cluster/store-ports.ts';
import type { Kernel } from '../kernel.ts';
import type { Stream } from '../random.ts';
import { StoreData } from './data.ts';
import type { VoteTimes } from './data.ts';

export class SimFile {
  readonly kernel: Kernel;
  readonly random: Stream;
  readonly data: StoreData;
  /** From a call to its answer, less the commit. */
  callMs: readonly [number, number];
  /** To force a commit to disk. */
  readonly forceMs: readonly [number, number];
  /** The directory is gone: every call is refused at once. */
  isGone = false;
  isFull = false;
  /** The disk answers commits with an input/output error. */
  isBroken = false;
  /** Processes that wait in vain for the lock: something of their machine has it and does not let go. */
  readonly shutOut = new Set<string>();
  /** A writer has the lock until then. */
  lockedUntilMs = 0;

  constructor(
    kernel: Kernel,
    random: Stream,
    callMs: readonly [number, number],
    forceMs: readonly [number, number],
    times: VoteTimes,
  ) {
    this.kernel = kernel;
    this.random = random;
    this.callMs = callMs;
    this.forceMs = forceMs;
    this.data = new StoreData(() => kernel.nowMs, times);
  }

  delayMs(): number {
    return this.random.between(this.callMs[0], this.callMs[1]);
  }

  /** Until when a writer of this process waits for the lock; Infinity: for as long as it can be shut out. */
  freeAtMs(node: string): number {
    return this.shutOut.has(node) ? Infinity : this.lockedUntilMs;
  }
}

export const fileErrors = {
  busy: new StoreError('busy', 'Other processes held the store for too long; nothing was written.'),
  gone: new StoreError('io', 'The store cannot be opened.'),
  full: new StoreError('full', 'No space is left for the store; nothing was written.'),
  broken: new StoreError('io', 'The operating system reported an input/output error on the store.'),
} as const;
