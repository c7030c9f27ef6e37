/** The mailbox of one coarse actor: what both hosts have in common. */
import type { ActorRef, HostReport } from './host.ts';

export interface CellOwner {
  /** The first item after the last batch is here: `runBatch` is to be called, later. */
  ready(): void;
  ended(): void;
}

export class Cell<Item> implements ActorRef<Item> {
  readonly name: string;
  readonly #handler: (batch: readonly Item[]) => void;
  readonly #mailboxMax: number;
  readonly #report: HostReport;
  readonly #owner: CellOwner;
  /** Never emptied: an array of one item takes less room than one that has grown. */
  #waiting: Item[] = [];
  #announced = false;
  #stopped = false;

  constructor(
    name: string,
    handler: (batch: readonly Item[]) => void,
    mailboxMax: number,
    report: HostReport,
    owner: CellOwner,
  ) {
    this.name = name;
    this.#handler = handler;
    this.#mailboxMax = mailboxMax;
    this.#report = report;
    this.#owner = owner;
  }

  get depth(): number {
    return this.#waiting.length;
  }

  tell(item: Item): boolean {
    if (this.#stopped) {
      this.#report.deadLetters(this.name, 1);
      return false;
    }
    if (this.#waiting.length >= this.#mailboxMax) {
      this.#report.refused(this.name);
      return false;
    }
    if (this.#waiting.length === 0) this.#waiting = [item];
    else this.#waiting.push(item);
    if (!this.#announced) {
      this.#announced = true;
      this.#owner.ready();
    }
    return true;
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    if (this.#waiting.length > 0) this.#report.deadLetters(this.name, this.#waiting.length);
    this.#waiting = [];
    this.#owner.ended();
  }

  /** @throws what the handler throws, when the losses have been reported. */
  runBatch(): void {
    this.#announced = false;
    if (this.#stopped || this.#waiting.length === 0) return;
    const batch = this.#waiting;
    this.#waiting = [];
    try {
      this.#handler(batch);
    } catch (error) {
      this.#report.crashed(this.name, error);
      this.#report.deadLetters(this.name, batch.length);
      throw error;
    }
  }
}
