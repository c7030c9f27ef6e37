/** What the store's member rows say: who is over, and who may join a table. */
import { memberOf, ownerName } from './control-types.ts';
import type { ControlIdentity } from './control-types.ts';
import type { Profile } from '../src/limits.ts';
import { SchemaRise, schemaBar } from './schema-rise.ts';
import type { MemberRow } from './store-ports.ts';
import { isMember } from './table.ts';
import type { Table, TableMember } from './table.ts';

export class Roster {
  /** As last read; undefined before the first time. */
  rows: readonly MemberRow[] | undefined;
  /** Why we cannot become a member, for people; undefined: we can, as far as releases go. */
  bar: string | undefined;
  readonly #rise = new SchemaRise();
  #key = '';
  readonly #dead = new Set<string>();

  /** True when somebody came, went or died since the last reading. */
  read(rows: readonly MemberRow[]): boolean {
    this.rows = rows;
    const key = JSON.stringify(rows.map(({ id, incarnation, status }) => [id, incarnation, status]));
    const changed = key !== this.#key;
    this.#key = key;
    return changed;
  }

  buried(id: string, incarnation: number): void {
    this.#dead.add(ownerName(id, incarnation));
  }

  /** Irreversible for an incarnation. An expired lease alone is no death. */
  isDead({ id, incarnation }: { readonly id: string; readonly incarnation: number }): boolean {
    const name = ownerName(id, incarnation);
    if (this.#dead.has(name)) return true;
    const row = this.rows?.find((member) => member.id === id);
    if (row === undefined || row.incarnation < incarnation) return false;
    if (row.incarnation === incarnation && row.status !== 'dead') return false;
    this.#dead.add(name); // A later incarnation got its lease only because this one was dead.
    return true;
  }

  deadOf(table: Table | undefined): Set<string> {
    const dead = new Set<string>();
    for (const member of table?.members ?? []) {
      if (this.isDead(member)) dead.add(ownerName(member.id, member.incarnation));
    }
    return dead;
  }

  /** Somebody stays. */
  hasHeirs(table: Table | undefined): boolean {
    return table?.members.some((member) => !member.draining && !this.isDead(member)) ?? false;
  }

  /** An earlier incarnation of ours that announced the link address that we now hold: its process is gone. */
  predecessor({ id, incarnation, link }: ControlIdentity, rows: readonly MemberRow[]): MemberRow | undefined {
    const row = rows.find((member) => member.id === id);
    return row !== undefined && row.incarnation < incarnation && row.info.link === link ? row : undefined;
  }

  /** Everyone joins for itself; only into an empty store the first takes along whoever has a lease. */
  joining(
    self: TableMember,
    table: Table | undefined,
    storeNowMs: number,
    linked: boolean,
    profile: Profile = 'default',
  ): TableMember[] {
    this.bar = schemaBar(self, table) ?? this.#profileBar(profile, table);
    if (table !== undefined)
      return isMember(table, self.id, self.incarnation) || self.draining || !linked || this.bar !== undefined
        ? []
        : [self];
    const others = this.candidates(self.id, table, storeNowMs).filter(
      ({ info }) => (info.profile ?? 'default') === profile,
    );
    return [self, ...others.map((row) => memberOf(row, row.info, false))];
  }

  /** Votes, leases and confirmations of one cluster go by the same times, or two nodes may act for one partition. */
  #profileBar(profile: Profile, table: Table | undefined): string | undefined {
    const theirs = table?.profile ?? 'default';
    if (table === undefined || theirs === profile || table.members.every((member) => this.isDead(member)))
      return undefined;
    return `cluster.profile of this node is ${profile}, the cluster runs with ${theirs}: give all nodes the same, and stop them all to change it`;
  }

  /** This node has another profile than a cluster that lives; undefined: not, or it may be gone. */
  refusal(profile: Profile = 'default', table: Table | undefined, storeNowMs: number): string | undefined {
    const lives = this.rows?.some(
      (row) =>
        row.status !== 'dead' &&
        row.leaseUntilMs > storeNowMs &&
        table !== undefined &&
        isMember(table, row.id, row.incarnation),
    );
    return lives === true ? this.#profileBar(profile, table) : undefined;
  }

  /** Who has a lease and is in no table yet: it is about to join. */
  candidates(self: string, table: Table | undefined, storeNowMs: number): MemberRow[] {
    return (this.rows ?? []).filter(
      (row) =>
        row.id !== self &&
        row.status === 'up' &&
        row.leaseUntilMs > storeNowMs &&
        (table === undefined || !isMember(table, row.id, row.incarnation)),
    );
  }

  /** What the next table is to say of the schema that everybody writes. */
  schema(table: Table | undefined, nowMs: number): number {
    return table === undefined ? 0 : this.#rise.next(table, nowMs);
  }
}
