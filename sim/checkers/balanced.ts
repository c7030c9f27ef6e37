/**
 * Invariants 6 and 33: in each stored table every partition has one owner and a buddy that is another; when all is quiet
 * the table is settled: nothing moves, everybody has an even share.
 * Seen failing with: buddies chosen with the owner among them; a plan that stops after its first batch of moves.
 */
import { nobody, unpackTable } from '../../cluster/table.ts';
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';

export function balanced(world: World): Observer {
  world.store.watches.push({
    tableStored(stored) {
      const table = unpackTable(stored.bytes);
      if (table === undefined) return;
      for (let partition = 0; partition < table.owner.length; partition++) {
        const owner = table.owner[partition]!;
        if (owner !== nobody && table.members[owner] === undefined)
          world.fail(
            'balanced',
            6,
            `table ${table.epoch}: partition ${partition} belongs to member ${owner}, who is not there`,
          );
        if (owner !== nobody && table.buddy[partition] === owner)
          world.fail('balanced', 6, `table ${table.epoch}: the owner of partition ${partition} is its own buddy`);
      }
    },
  });
  return {
    phase(phase) {
      if (phase === 'end') checkSettled(world);
    },
  };
}

function checkSettled(world: World): void {
  const live = world.liveNodes();
  const tables = new Set(live.map((node) => node.loop.control.table?.nonce ?? 'none'));
  if (tables.size > 1) world.fail('balanced', 33, `the nodes go by ${tables.size} tables long after the last fault`);
  const table = live[0]?.loop.control.table;
  if (table === undefined) return world.fail('balanced', 33, 'there is no table');
  if (table.moving.size > 0) world.fail('balanced', 33, `${table.moving.size} partitions are still on their way`);
  const names = table.members.map(({ id }) => id).join(' ');
  const wanted = live
    .map(({ id }) => id)
    .toSorted()
    .join(' ');
  if (names !== wanted) world.fail('balanced', 33, `the table has ${names}, alive are ${wanted}`);
  const counts = new Array<number>(table.members.length).fill(0);
  for (const owner of table.owner) if (owner !== nobody) counts[owner]!++;
  if (Math.max(...counts) - Math.min(...counts) > 1)
    world.fail('balanced', 6, `shares are uneven: ${counts.join(' ')}`);
}
