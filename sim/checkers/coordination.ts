/**
 * Invariants 2 and 5, what the store answers: nobody is told that it is dead whom nobody declared so; a vote counts only
 * near the time that it was issued; voters that were to come become the only ones when every member knows of them.
 * Seen failing with the mutants: 'a release ends any life of a node', 'old votes are taken', 'voters flip before all know'.
 */
import { unpackTable } from '../../cluster/table.ts';
import type { Table } from '../../cluster/table.ts';
import { worldStartMs } from '../clock.ts';
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';

export function coordination(world: World): Observer {
  const dead = new Set<string>();
  const adopted = new Map<string, number>();
  let stored: Table | undefined;
  world.store.watches.push({
    leased(id, incarnation, { result }) {
      if (result === 'dead' && !dead.has(`${id}.${incarnation}`))
        world.fail('coordination', 5, `${id}.${incarnation} is told that it is dead, which nobody said`);
    },
    voted(target, incarnation, voter, issuedAtMs, reply) {
      if (reply === 'dead') dead.add(`${target}.${incarnation}`);
      const ageMs = Math.abs(worldStartMs + world.kernel.nowMs - issuedAtMs);
      const counted = reply === 'noted' || (reply === 'dead' && !dead.has(`${target}.${incarnation}`));
      if (counted && ageMs > world.times.voteIssueWindowMs + 2)
        world.fail('coordination', 5, `a vote of ${voter} against ${target} counts ${ageMs.toFixed(0)} ms later`);
    },
    lost: () => void (stored = undefined),
    released: (id, incarnation) => void dead.add(`${id}.${incarnation}`),
    tableStored({ bytes }) {
      const table = unpackTable(bytes);
      const before = stored;
      stored = table;
      if (table === undefined || before === undefined || before.nextVoters.length === 0) return;
      if (table.nextVoters.length > 0 || !sameIds(table.voters, before.nextVoters)) return;
      for (const { id, incarnation } of table.members)
        if ((adopted.get(`${id}.${incarnation}`) ?? 0) < before.jointSince)
          world.fail(
            'coordination',
            2,
            `table ${table.epoch}: the voters flip, and ${id}.${incarnation} does not know them`,
          );
    },
  });
  return {
    tableAdopted: (node, table) => void adopted.set(node.owner.name, table.epoch),
  };
}

function sameIds(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index]);
}
