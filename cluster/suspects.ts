/** Against whom a node votes: members not known to be dead that it has not heard for too long; see docs/cluster-control.md. */
import type { Membership } from './membership.ts';
import type { Roster } from './roster.ts';
import type { Table, TableMember } from './table.ts';

export function suspects(table: Table, membership: Membership, roster: Roster, nowMs: number): readonly TableMember[] {
  if (membership.latched) return nobody;
  let suspected: TableMember[] | undefined;
  for (const member of table.members)
    if (member.id !== membership.id && membership.shallVote(member, nowMs) && !roster.isDead(member))
      (suspected ??= []).push(member);
  return suspected ?? nobody;
}

const nobody: readonly TableMember[] = [];
