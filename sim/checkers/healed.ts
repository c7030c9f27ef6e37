/**
 * Invariant 36: some seconds after the last fault every process serves. That new calls succeed then: probed.ts.
 * Seen failing with: a node that does not ask for its lease again.
 */
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';

export function healed(world: World): Observer {
  return {
    phase(phase) {
      if (phase !== 'healed') return;
      for (const node of world.nodes.values()) {
        if (!node.isReady())
          world.fail('healed', 36, `${node.owner.name} is not ready: ${node.loop.control.describe()}`);
      }
    },
  };
}
