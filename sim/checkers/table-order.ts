/**
 * Invariant 2: the epochs of the tables that a process adopts never decrease, and tables of one epoch that are adopted are
 * the same; voters change only jointly: a set is dropped only when the one that follows it was stored beside it before.
 * Seen failing with: tables adopted whatever their epoch; next voters stored as current ones at once.
 */
import { unpackTable } from '../../cluster/table.ts';
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';

export function tableOrder(world: World): Observer {
  const nonces = new Map<number, string>();
  const epochs = new Map<string, number>();
  /** An adopted table was lost by the store (a wipe): nodes that start may found another cluster until it is given back. */
  let isLost = false;
  let stored: { readonly current: string; readonly next: string } = { current: '', next: '' };
  world.store.watches.push({
    lost(data) {
      const left = data.memory.readTable();
      const table = left === undefined ? undefined : unpackTable(left.bytes);
      stored = { current: sorted(table?.voters ?? []), next: sorted(table?.nextVoters ?? []) };
      if ((table?.epoch ?? 0) < Math.max(0, ...epochs.values())) isLost = true;
    },
    tableStored(table, currentVoters, nextVoters) {
      const current = sorted(currentVoters);
      const next = sorted(nextVoters);
      if (!isLost && stored.current !== '' && current !== stored.current && current !== stored.next)
        world.fail(
          'table-order',
          2,
          `table ${table.epoch}: voters ${stored.current} became ${current} without a joint table`,
        );
      stored = { current, next };
    },
  });
  return {
    tableAdopted(node, table) {
      const before = epochs.get(node.owner.name) ?? 0;
      if (table.epoch < before)
        world.fail('table-order', 2, `${node.owner.name} went from table ${before} back to ${table.epoch}`);
      epochs.set(node.owner.name, table.epoch);
      const known = nonces.get(table.epoch);
      if (known !== undefined && known !== table.nonce && !isLost)
        world.fail('table-order', 2, `two tables of epoch ${table.epoch} are adopted: ${known} and ${table.nonce}`);
      nonces.set(table.epoch, table.nonce);
    },
  };
}

function sorted(ids: readonly string[]): string {
  return [...ids].toSorted().join(' ');
}
