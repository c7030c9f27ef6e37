/** Inside a node: which worker is to hold which of its partitions, by a ring and placement like those between nodes. */
import { place } from './place.ts';
import { Preferences } from './ring.ts';

/** By number of partitions. All nodes name their workers alike, and tests and the simulator have many in one process. */
const ringsOf = new Map<number, Preferences>();

export class WorkerPlaces {
  readonly #rings: Preferences;
  readonly #workers = new Set<number>();
  /** Per partition its worker, or -1. */
  readonly #workerOf: Int32Array;

  constructor(partitions: number) {
    let rings = ringsOf.get(partitions);
    if (rings === undefined) ringsOf.set(partitions, (rings = new Preferences(partitions)));
    this.#rings = rings;
    this.#workerOf = new Int32Array(partitions).fill(-1);
  }

  add(worker: number): void {
    this.#workers.add(worker);
  }

  delete(worker: number): void {
    this.#workers.delete(worker);
  }

  /** -1 when there is no worker, or the partition was not among those last placed. */
  of(partition: number): number {
    return this.#workerOf[partition]!;
  }

  /** Places these partitions. `balance` also moves some of those that `mayMove`; else only new ones find a place. */
  place(partitions: readonly number[], mayMove: (partition: number) => boolean, balance: boolean): void {
    const before = this.#workerOf.slice();
    this.#workerOf.fill(-1);
    if (!balance && partitions.every((partition) => this.#workers.has(before[partition]!))) {
      for (const partition of partitions) this.#workerOf[partition] = before[partition]!;
      return;
    }
    const workers = [...this.#workers].sort((a, b) => a - b);
    if (workers.length === 0) return;
    const rows = this.#rings.of(workers.map((worker) => ({ id: `worker-${worker}`, weight: 1 })));
    const preferences = new Uint16Array(partitions.length * workers.length);
    partitions.forEach((partition, item) => {
      const row = rows.subarray(partition * workers.length, (partition + 1) * workers.length);
      preferences.set(row, item * workers.length);
    });
    const placed = place({
      preferences,
      weights: workers.map(() => 1),
      current: Int32Array.from(partitions, (partition) => workers.indexOf(before[partition]!)),
      fixed: (item) => !mayMove(partitions[item]!),
      moveSurplus: balance,
    });
    partitions.forEach((partition, item) => (this.#workerOf[partition] = workers[placed[item]!] ?? -1));
  }
}
