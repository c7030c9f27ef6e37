/**
 * Whom the partitions of a node copy to: the buddy that the table names, while there is a link to it. Tells each worker
 * what has changed for the partitions that it holds, a few at a time where the buddy of before is still there.
 */
import { limits } from '../../src/limits.ts';
import { ownerName } from '../control-types.ts';
import type { ShareOrder } from '../control-types.ts';
import { Ramp } from '../ramp.ts';
import type { Table } from '../table.ts';
import { nobody } from '../table.ts';

export type BuddiesOrder = ShareOrder & { readonly type: 'buddies' };

export class BuddyChoice {
  readonly #tell: (worker: number, order: BuddiesOrder) => void;
  readonly #workerOf = new Int16Array(limits.partitions).fill(-1);
  readonly #told = new Array<string>(limits.partitions).fill('');
  readonly #up = new Set<string>();
  #table: Table | undefined;
  /** By the members of the table: those without a link are ''. */
  #names: readonly string[] = [];
  readonly #atOnceMax: number;
  /** How many more may change in this tick although their buddy of before is there. */
  #room = 1;
  /** Some wait to be told. */
  #isLate = false;
  /** Its times are ticks since something has been late. */
  readonly #ramp = new Ramp(limits.buddyChangeTimesEach);

  constructor(tell: (worker: number, order: BuddiesOrder) => void, atOnceMax: number = limits.buddyChangesAtOnceMax) {
    this.#tell = tell;
    this.#atOnceMax = atOnceMax;
  }

  adopt(table: Table): void {
    this.#table = table;
    this.#update();
  }

  peerUp(peer: string, incarnation: number): void {
    this.#up.add(ownerName(peer, incarnation));
    this.#update();
  }

  peerDown(peer: string, incarnation: number): void {
    this.#up.delete(ownerName(peer, incarnation));
    this.#update();
  }

  assigned(worker: number, partitions: readonly number[]): void {
    for (const partition of partitions) {
      this.#workerOf[partition] = worker;
      // A thread that has just begun with it knows nothing.
      this.#told[partition] = '';
    }
    this.#look(partitions);
  }

  dropped(worker: number, partitions: readonly number[]): void {
    for (const partition of partitions) if (this.#workerOf[partition] === worker) this.#workerOf[partition] = -1;
  }

  /** Something waits for the next tick; without that it may be left out. */
  get hasToTick(): boolean {
    return this.#isLate || this.#ramp.times > 0 || this.#room < 1;
  }

  /** Every limits.controlTickMs. */
  tick(): void {
    this.#ramp.times = this.#isLate ? this.#ramp.times + 1 : 0;
    this.#room = this.#ramp.room(this.#atOnceMax);
    if (this.#isLate) this.#lookAtAll();
  }

  #update(): void {
    this.#names = (this.#table?.members ?? []).map(({ id, incarnation }) => {
      const name = ownerName(id, incarnation);
      return this.#up.has(name) ? name : '';
    });
    this.#lookAtAll();
  }

  #lookAtAll(): void {
    this.#isLate = false;
    this.#look(allPartitions);
  }

  #look(partitions: Iterable<number>): void {
    const table = this.#table;
    if (table === undefined) return;
    const changes = new Map<string, { worker: number; buddy: string; partitions: number[] }>();
    for (const partition of partitions) {
      const worker = this.#workerOf[partition]!;
      if (worker < 0) continue;
      const index = table.buddy[partition] ?? nobody;
      const buddy = index === nobody ? '' : this.#names[index]!;
      const told = this.#told[partition]!;
      if (buddy === told) continue;
      // A member comes or leaves, and thousands change: that may take a while as long as the one of before can be relied on.
      if (told !== '' && this.#names.includes(told) && this.#room-- <= 0) {
        this.#isLate = true;
        continue;
      }
      this.#told[partition] = buddy;
      const key = `${worker} ${buddy}`;
      const change = changes.get(key);
      if (change === undefined) changes.set(key, { worker, buddy, partitions: [partition] });
      else change.partitions.push(partition);
    }
    for (const { worker, buddy, partitions: changed } of changes.values())
      this.#tell(worker, { type: 'buddies', buddy, partitions: changed });
  }
}

const allPartitions = Array.from({ length: limits.partitions }, (_, partition) => partition);
