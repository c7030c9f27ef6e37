/**
 * Invariant 20: an item takes at most three steps between nodes and threads until its owner has it, and where the cluster is
 * in good health at most one. (Max-Forwards: dialog-stable.ts.)
 * Seen failing with the mutant: 'hops are counted twice'.
 */
import { limits } from '../../src/limits.ts';
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';
import { Calm } from './calm.ts';

export function hops(world: World): Observer {
  const calm = new Calm(world);
  return {
    ...calm.observer,
    routed(node, to, target) {
      if (target[0] !== 0) return;
      const [, partition, count] = target;
      // The last step began before the fault was over.
      const most = calm.since(world.kernel.nowMs - 1_000) ? 1 : limits.linkHopsMax;
      if (count <= most) return;
      world.fail(
        'hops',
        20,
        `an item of partition ${partition} goes from ${node.id} to ${to || 'a worker'}, hop ${count}`,
      );
    },
  };
}
