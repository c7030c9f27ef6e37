/**
 * The plans of one node. It plans again and again, in case that something has been missed; what came to nothing comes to
 * nothing again while table and facts are the same, and of 4096 partitions that is worth knowing beforehand.
 */
import { limits } from '../src/limits.ts';
import { plan } from './plan.ts';
import type { Facts } from './plan.ts';
import { Preferences } from './ring.ts';
import type { Table } from './table.ts';

export class Plans {
  readonly #preferences: Preferences;
  /** Of the last plan, if it came to nothing and nobody joined and nothing arrived. */
  #table: Table | undefined;
  #facts: Facts | undefined;
  /** Epochs that the members of that table were known to have adopted. */
  #adopted: readonly number[] = [];

  constructor(partitions: number = limits.partitions, preferences = new Preferences(partitions)) {
    this.#preferences = preferences;
  }

  get partitions(): number {
    return this.#preferences.partitions;
  }

  /** As `plan`. */
  next(previous: Table | undefined, facts: Facts, nonce: string): Table | undefined {
    if (previous !== undefined && this.#wasInVain(previous, facts)) return undefined;
    const next = plan(previous, facts, nonce, this.#preferences);
    this.#facts = undefined;
    if (next === undefined && previous !== undefined && isQuiet(facts)) {
      this.#table = previous;
      this.#facts = facts;
      this.#adopted = previous.members.map(facts.adoptedEpoch);
    }
    return next;
  }

  #wasInVain(table: Table, facts: Facts): boolean {
    const before = this.#facts;
    if (before === undefined || this.#table !== table || !isQuiet(facts)) return false;
    return (
      before.schema === facts.schema &&
      before.profile === facts.profile &&
      isSame(before.dead, facts.dead) &&
      isSame(before.draining, facts.draining) &&
      table.members.every((member, index) => facts.adoptedEpoch(member) === this.#adopted[index])
    );
  }
}

function isQuiet({ joining, arrived }: Facts): boolean {
  return joining.length === 0 && arrived.length === 0;
}

function isSame(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  if (left.size !== right.size) return false;
  for (const each of left) if (!right.has(each)) return false;
  return true;
}
