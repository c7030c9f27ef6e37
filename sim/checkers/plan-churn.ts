/**
 * Invariant 7: a new table moves no more partitions than it must: those of the dead go to somebody, and of the living only
 * those above their fair share give something away. What is under way to a member that lives stays under way to it.
 * Seen failing with the mutant: 'a plan that moves more than it must'.
 */
import { nobody, unpackTable } from '../../cluster/table.ts';
import type { Table } from '../../cluster/table.ts';
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';

export function planChurn(world: World): Observer {
  let before: Table | undefined;
  world.store.watches.push({
    tableStored(stored) {
      const table = unpackTable(stored.bytes);
      if (table === undefined) return;
      // After a wipe one that comes begins anew, and those who lived through it store theirs again: that follows nothing.
      if (before !== undefined && before.epoch + 1 === table.epoch) check(world, before, table);
      before = table;
    },
  });
  return {};
}

function check(world: World, before: Table, table: Table): void {
  const kept = keptTargets(before, table);
  const counts = new Array<number>(table.members.length).fill(0);
  for (const host of kept) if (host >= 0) counts[host]!++;
  let moved = 0;
  for (let partition = 0; partition < kept.length; partition++) {
    const target = table.moving.get(partition) ?? table.owner[partition]!;
    if (kept[partition]! < 0 || kept[partition] === target) continue;
    moved++;
    // Once it has arrived it may be moved on, as any other.
    const arrived = table.owner[partition] === kept[partition];
    if (
      !arrived &&
      before.moving.has(partition) &&
      targetName(before, partition) === memberName(table, kept[partition]!)
    )
      world.fail('plan-churn', 7, `table ${table.epoch}: partition ${partition} was under way and is sent elsewhere`);
  }
  const needed = surplus(table, counts);
  if (moved > needed)
    world.fail('plan-churn', 7, `table ${table.epoch}: ${moved} partitions are moved, ${needed} had to`);
}

/** Per partition the member that had it or was to get it, -1 when that one is gone. */
function keptTargets(before: Table, table: Table): number[] {
  const indexOf = (old: number): number => {
    const member = old === nobody ? undefined : before.members[old];
    if (member === undefined) return -1;
    return table.members.findIndex(({ id, incarnation }) => id === member.id && incarnation === member.incarnation);
  };
  const again = (old: number): number => {
    const name = before.members[old]?.id;
    // A process that died and is there again in time gets its own back, and keeps it.
    return table.members.findIndex(({ id, draining }) => id === name && !draining);
  };
  return Array.from(before.owner, (owner, partition) => {
    const to = indexOf(before.moving.get(partition) ?? nobody);
    const from = indexOf(owner);
    return to >= 0 ? to : from >= 0 ? from : again(owner);
  });
}

/** How many partitions are above the fair shares, when the odd ones stay where they are. */
function surplus(table: Table, counts: readonly number[]): number {
  const weights = table.members.map((member) => (member.draining ? 0 : member.workers));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (sum === 0) return 0;
  const items = table.owner.length;
  const shares = weights.map((weight) => Math.floor((items * weight) / sum));
  let odd = items - shares.reduce((total, share) => total + share, 0);
  let above = 0;
  for (const [host, share] of shares.entries()) {
    above += Math.max(0, counts[host]! - share);
    // Only who would get a fraction more may have one more.
    if (counts[host]! > share && (items * weights[host]!) % sum > 0 && odd > 0) {
      odd--;
      above--;
    }
  }
  return above;
}

function targetName(table: Table, partition: number): string {
  return memberName(table, table.moving.get(partition)!);
}

function memberName(table: Table, index: number): string {
  const member = table.members[index];
  return member === undefined ? '' : `${member.id}.${member.incarnation}`;
}
