/**
 * Which workers of this node still have items of partitions that they were told to drop. A drop has a number, and two words
 * of it go to the worker: the order itself, and the number behind all items that were sent to it before. When it has both, it
 * has given back everything, and says so by the number behind what it gave back.
 */
import type { Target } from './data-frame.ts';
import { writeUint32 } from './octets.ts';
import { limits } from '../src/limits.ts';

export interface GivingBackPorts {
  nowMs(): number;
  /** In order with the items for that worker. */
  toWorker(worker: number, target: Target, payload: Uint8Array): boolean;
}

interface Drop {
  readonly worker: number;
  readonly partitions: readonly number[];
  readonly sinceMs: number;
}

export class GivingBack {
  readonly #ports: GivingBackPorts;
  /** By number, which is their order. */
  readonly #drops = new Map<number, Drop>();
  /** How many drops of a partition are under way. */
  readonly #counts = new Map<number, number>();
  #last = 0;

  constructor(ports: GivingBackPorts) {
    this.#ports = ports;
  }

  /** Something of this partition is still to come back. */
  has(partition: number): boolean {
    return this.#counts.size > 0 && this.#counts.has(partition);
  }

  /** Returns the number of the drop; 0: the worker takes no word, so nothing is waited for. */
  ask(worker: number, partitions: readonly number[]): number {
    const number = this.#last + 1;
    if (!this.#ports.toWorker(worker, controlTarget, packDrop(number))) return 0;
    this.#last = number;
    this.#drops.set(number, { worker, partitions, sinceMs: this.#ports.nowMs() });
    for (const partition of partitions) this.#counts.set(partition, (this.#counts.get(partition) ?? 0) + 1);
    return number;
  }

  done(number: number): void {
    const drop = this.#drops.get(number);
    if (drop === undefined) return;
    this.#drops.delete(number);
    for (const partition of drop.partitions) {
      const left = this.#counts.get(partition)! - 1;
      if (left === 0) this.#counts.delete(partition);
      else this.#counts.set(partition, left);
    }
  }

  workerDown(worker: number): void {
    for (const [number, drop] of this.#drops) if (drop.worker === worker) this.done(number);
  }

  /** When `tick` next has something to do. */
  nextTickMs(): number {
    for (const { sinceMs } of this.#drops.values()) return sinceMs + limits.giveBackMs;
    return Infinity;
  }

  /** A worker that does not answer holds nobody up for long. */
  tick(): void {
    const oldestMs = this.#ports.nowMs() - limits.giveBackMs;
    for (const [number, drop] of this.#drops) {
      if (drop.sinceMs >= oldestMs) return;
      this.done(number);
    }
  }
}

/** In the worker. */
export class DropWords {
  /** Numbers of drops of which one word has come. */
  readonly #halves = new Set<number>();

  /** True for the second one: nothing of those partitions is here any more. */
  come(number: number): boolean {
    if (this.#halves.delete(number)) return true;
    this.#halves.add(number);
    return false;
  }
}

export function packDrop(number: number): Uint8Array {
  const octets = new Uint8Array(4);
  writeUint32(octets, 0, number);
  return octets;
}

const controlTarget: Target = [2];
