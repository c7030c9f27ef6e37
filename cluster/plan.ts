/**
 * From one table to the next: a pure function of the table and of facts that cannot become false again, so it does not
 * matter which node computes it or how late it is stored. Who may own a partition next is decided here and only here:
 * while it is under way from A to B, nobody but A and B, as long as one of them lives.
 */
import { limits } from '../src/limits.ts';
import type { Profile } from '../src/limits.ts';
import { ownerName } from './control-types.ts';
import { place } from './place.ts';
import type { Preferences } from './ring.ts';
import { commonSchema } from './schema-rise.ts';
import { nobody, tableSchema } from './table.ts';
import type { Table, TableMember } from './table.ts';

export interface Facts {
  /** `ownerName` of incarnations that the store says are over. Members replaced by a newer incarnation in `joining` too. */
  readonly dead: ReadonlySet<string>;
  /** To be members if they are not yet. */
  readonly joining: readonly TableMember[];
  /** Ids of members that want to leave. */
  readonly draining: ReadonlySet<string>;
  /** Partitions under way that their new owner has sealed and serves. */
  readonly arrived: readonly number[];
  /** Highest table epoch that a member is known to have adopted. */
  readonly adoptedEpoch: (member: TableMember) => number;
  /** The schema to write from the next table on (schema-rise.ts); default: as before. */
  readonly schema?: number;
  /** Of the node that plans: for the first table, and when nobody of the table before lives any more. */
  readonly profile?: Profile | undefined;
}

/** The next table, or undefined when nothing is to change. `previous` is undefined in an empty store. */
export function plan(
  previous: Table | undefined,
  facts: Facts,
  nonce: string,
  preferences: Preferences,
): Table | undefined {
  const { partitions } = preferences;
  const members = nextMembers(previous, facts);
  const epoch = (previous?.epoch ?? 0) + 1;
  const owner = new Uint16Array(partitions).fill(nobody);
  const moving = new Map<number, number>();
  if (previous !== undefined) carryOver(previous, members, facts, owner, moving);
  spread(members, owner, moving, preferences);
  const buddy = buddies(members, owner, preferences);
  const voters = nextVoters(previous, members, facts, epoch);
  const schema = previous === undefined ? commonSchema(members) : Math.max(tableSchema(previous), facts.schema ?? 0);
  const isNew = previous === undefined || previous.members.every((member) => isDead(member, facts));
  const profile = isNew ? facts.profile : previous.profile;
  const next: Table = { epoch, nonce, members, owner, buddy, moving, ...voters, schema, ...(profile && { profile }) };
  return previous !== undefined && sameContent(previous, next) ? undefined : next;
}

function nextMembers(previous: Table | undefined, facts: Facts): TableMember[] {
  const members = new Map<string, TableMember>();
  for (const member of previous?.members ?? []) {
    if (!isDead(member, facts)) members.set(member.id, member);
  }
  for (const member of facts.joining) {
    if (!isDead(member, facts) && !members.has(member.id)) members.set(member.id, member);
  }
  return [...members.values()]
    .map((member) => (facts.draining.has(member.id) && !member.draining ? { ...member, draining: true } : member))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Owners and moves that survive, in the indexes of the new member list. */
function carryOver(
  previous: Table,
  members: readonly TableMember[],
  facts: Facts,
  owner: Uint16Array,
  moving: Map<number, number>,
): void {
  const newIndex = previous.members.map((member) =>
    members.findIndex(({ id, incarnation }) => id === member.id && incarnation === member.incarnation),
  );
  const arrived = new Set(facts.arrived);
  for (let partition = 0; partition < owner.length; partition++) {
    const from = newIndex[previous.owner[partition]!] ?? -1;
    const to = newIndex[previous.moving.get(partition) ?? nobody] ?? -1;
    if (to >= 0 && (from < 0 || arrived.has(partition))) {
      owner[partition] = to; // It has it, or may have it already although the old owner died before it could say so.
    } else if (from >= 0) {
      owner[partition] = from; // A move whose receiver died is off: the old owner takes the partition back.
      if (to >= 0) moving.set(partition, to);
    } else {
      // A restarted node gets its own back when it is there in time.
      const name = previous.members[previous.owner[partition]!]?.id;
      const again = members.findIndex(({ id, draining }) => id === name && !draining);
      if (again >= 0) owner[partition] = again;
    }
  }
}

/** Gives orphans a new owner at once and starts moves towards the fair shares, as many as may be under way. */
function spread(
  members: readonly TableMember[],
  owner: Uint16Array,
  moving: Map<number, number>,
  preferences: Preferences,
): void {
  const current = new Int32Array(owner.length);
  for (let partition = 0; partition < owner.length; partition++)
    current[partition] = owner[partition] === nobody ? -1 : owner[partition]!;
  for (const [partition, to] of moving) current[partition] = to;
  const wanted = place({
    preferences: preferences.of(ringMembers(members)),
    weights: members.map((member) => (member.draining ? 0 : member.workers)),
    current,
    fixed: (partition) => moving.has(partition),
    moveSurplus: true,
  });
  const underWay = new Int32Array(members.length);
  const coming = new Int32Array(members.length);
  for (const [partition, to] of moving) {
    underWay[owner[partition]!]!++;
    coming[to]!++;
  }
  for (let partition = 0; partition < owner.length; partition++) {
    const to = wanted[partition]!;
    const from = owner[partition]!;
    if (to === current[partition]) continue;
    if (from === nobody) {
      owner[partition] = to;
    } else if (underWay[from]! < limits.movesInFlightPerNodeMax && coming[to]! < limits.movesInFlightToNodeMax) {
      underWay[from]!++;
      coming[to]!++;
      moving.set(partition, to);
    }
  }
}

/** The first in the preference list that stays and is not the owner, in another zone than the owner if there is one. */
function buddies(members: readonly TableMember[], owner: Uint16Array, preferences: Preferences): Uint16Array {
  const rows = preferences.of(ringMembers(members));
  const result = new Uint16Array(owner.length);
  for (let partition = 0; partition < owner.length; partition++)
    result[partition] = buddyOf(owner[partition]!, partition * members.length, members, rows);
  return result;
}

/** `row`: where the preferences of the partition begin in `rows`. */
function buddyOf(owner: number, row: number, members: readonly TableMember[], rows: Uint16Array): number {
  const zone = members[owner]?.zone ?? '';
  let first = nobody;
  for (let rank = 0; rank < members.length; rank++) {
    const index = rows[row + rank]!;
    if (index === owner || members[index]!.draining) continue;
    if (zone === '' || isElsewhere(zone, members[index]!.zone)) return index;
    if (first === nobody) first = index;
  }
  return first;
}

/** Of a node that names no zone nobody knows where it is. */
function isElsewhere(zone: string, other: string): boolean {
  return zone !== '' && other !== '' && zone !== other;
}

/**
 * Voter sets change jointly: the new set comes beside the old one, and alone only when every member has adopted a
 * table with both. A member that knows only the old set is thus safe from votes that only the new one requires.
 */
function nextVoters(
  previous: Table | undefined,
  members: readonly TableMember[],
  facts: Facts,
  epoch: number,
): Pick<Table, 'voters' | 'nextVoters' | 'jointSince'> {
  const wanted = members.map(({ id }) => id);
  if (previous === undefined || sameIds(previous.voters, wanted))
    return { voters: wanted, nextVoters: [], jointSince: 0 };
  if (!sameIds(previous.nextVoters, wanted)) return { voters: previous.voters, nextVoters: wanted, jointSince: epoch };
  const { voters, jointSince } = previous;
  if (members.every((member) => facts.adoptedEpoch(member) >= jointSince)) {
    return { voters: wanted, nextVoters: [], jointSince: 0 };
  }
  return { voters, nextVoters: wanted, jointSince };
}

function isDead(member: TableMember, facts: Facts): boolean {
  return facts.dead.has(ownerName(member.id, member.incarnation));
}

function ringMembers(members: readonly TableMember[]): { id: string; weight: number }[] {
  return members.map(({ id, workers }) => ({ id, weight: workers }));
}

function sameIds(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}

function sameIndexes(a: Uint16Array, b: Uint16Array): boolean {
  return a.length === b.length && a.every((index, i) => index === b[i]);
}

function sameContent(a: Table, b: Table): boolean {
  return (
    a.jointSince === b.jointSince &&
    tableSchema(a) === tableSchema(b) &&
    a.profile === b.profile &&
    sameIds(a.voters, b.voters) &&
    sameIds(a.nextVoters, b.nextVoters) &&
    a.members.length === b.members.length &&
    a.members.every((member, i) => {
      const other = b.members[i]!;
      return member.id === other.id && member.incarnation === other.incarnation && member.draining === other.draining;
    }) &&
    sameIndexes(a.owner, b.owner) &&
    sameIndexes(a.buddy, b.buddy) &&
    a.moving.size === b.moving.size &&
    [...a.moving].every(([partition, to]) => b.moving.get(partition) === to)
  );
}
