/**
 * Invariants 1 and 3, before anything is written: a worker is given a partition only when the store has sealed it to its
 * process, under the epoch that it is given with.
 * Seen failing with the mutant: 'a partition is served though its seal was refused'.
 */
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';

export function sealed(world: World): Observer {
  const seals = new Set<string>();
  world.store.watches.push({
    sealed: (partition, epoch, owner) => void seals.add(`${partition} ${epoch} ${owner}`),
  });
  return {
    ordered(node, order) {
      if (order.type !== 'assign') return;
      for (const { partition, epoch } of order.shares)
        if (!seals.has(`${partition} ${epoch} ${node.owner.name}`))
          world.fail(
            'sealed',
            3,
            `${node.owner.name} is to serve partition ${partition} under ${epoch}, which it has no seal of`,
          );
    },
  };
}
