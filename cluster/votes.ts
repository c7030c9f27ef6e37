/** The votes of a node: against members not known to be dead that it has not heard for too long; see docs/cluster-control.md. */
import type { Membership } from './membership.ts';
import type { Roster } from './roster.ts';
import type { StoreClock } from './store-clock.ts';
import type { Done } from './store-calls.ts';
import type { CoordinationStore } from './store-ports.ts';
import type { Table, TableMember } from './table.ts';

export interface VotesPorts {
  ask(args: Readonly<Parameters<CoordinationStore['vote']>>, done: Done<'vote'>): void;
  /** The store says that it is dead now. */
  dead(member: TableMember): void;
}

export class Votes {
  readonly #membership: Membership;
  readonly #roster: Roster;
  readonly #storeClock: StoreClock;
  readonly #ports: VotesPorts;
  #table: Table | undefined;

  constructor(membership: Membership, roster: Roster, storeClock: StoreClock, ports: VotesPorts) {
    this.#membership = membership;
    this.#roster = roster;
    this.#storeClock = storeClock;
    this.#ports = ports;
  }

  /** `table`: of which we are a member; undefined: none. */
  tick(table: Table | undefined, nowMs: number): void {
    this.#table = table;
    if (table === undefined || !this.#storeClock.isKnown || this.#membership.latched) return;
    for (const member of table.members) {
      if (!this.#isOther(member) || !this.#membership.shallVote(member, nowMs)) continue;
      const vote = this.#membership.vote(member.id, member.incarnation, this.#storeClock.leastMs, nowMs);
      this.#ports.ask(vote, (reply) => {
        if (reply?.result !== 'dead') return;
        this.#roster.buried(member.id, member.incarnation);
        this.#ports.dead(member);
      });
    }
  }

  /** When `tick` next has something to do if nothing is heard until then. */
  nextTickMs(): number {
    let atMs = Infinity;
    for (const member of this.#table?.members ?? [])
      if (this.#isOther(member)) atMs = Math.min(atMs, this.#membership.nextVoteMs(member));
    return atMs;
  }

  #isOther(member: TableMember): boolean {
    return member.id !== this.#membership.id && !this.#roster.isDead(member);
  }
}
