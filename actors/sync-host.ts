/** Actors without an event loop: whoever owns the host runs them. Deterministic: batches run in the order announced. */
import assert from 'node:assert';
import { Cell } from './cell.ts';
import { type ActorHost, type ActorOptions, type ActorRef, actorName, type HostReport } from './host.ts';

export class SyncHost implements ActorHost {
  readonly #report: HostReport;
  readonly #cells = new Map<string, { stop(): void }>();
  #ready: (() => void)[] = [];
  #stopped = false;

  constructor(report: HostReport) {
    this.#report = report;
  }

  spawn<Item>(name: string, handler: (batch: readonly Item[]) => void, options: ActorOptions): ActorRef<Item> {
    assert(!this.#stopped, 'the host is stopped');
    assert(actorName.test(name), `not a name for an actor: ${name}`);
    assert(!this.#cells.has(name), `there is an actor named ${name}`);
    const run = (): void => cell.runBatch();
    const cell: Cell<Item> = new Cell(name, handler, options.mailboxMax, this.#report, {
      // An array that has grown by one has room for 17.
      ready: () => void (this.#ready.length === 0 ? (this.#ready = [run]) : this.#ready.push(run)),
      ended: () => this.#cells.delete(name),
    });
    this.#cells.set(name, cell);
    return cell;
  }

  /** Runs until no actor has anything to do, or `turnsMax` loop turns have passed. Returns the turns that were needed. */
  run(turnsMax = 1_000): number {
    let turns = 0;
    for (; turns < turnsMax && this.#ready.length > 0; turns++) {
      const turn = this.#ready;
      this.#ready = [];
      for (const runBatch of turn) {
        try {
          runBatch();
        } catch {
          // Reported by the cell. The restarted actor goes on with its next batch, as it would under nact.
        }
      }
    }
    return turns;
  }

  /** No actor has anything to do. */
  get isIdle(): boolean {
    return this.#ready.length === 0;
  }

  stop(): void {
    this.#stopped = true;
    for (const cell of [...this.#cells.values()]) cell.stop();
  }
}
