/**
 * Invariant 1: of each partition at most one process may act at any time, and in it at most one worker.
 * Seen failing with: the latch never set (membership.ts), a partition thawed by a worker that was told to drop it.
 */
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';

/** Looking at every partition costs: not more often than this. */
const everyMs = 20;

export function oneOwner(world: World): Observer {
  const actor = new Array<string>(world.options.partitions).fill('');
  let lastMs = -everyMs;
  return {
    stepped() {
      if (world.kernel.nowMs - lastMs < everyMs) return;
      lastMs = world.kernel.nowMs;
      actor.fill('');
      for (const node of world.nodes.values()) {
        if (!node.isAlive || node.isPaused || !node.serving()) continue;
        for (const worker of node.workers) {
          if (worker === undefined || !worker.owner.isAlive) continue;
          for (const partition of worker.core.hosted.handled()) {
            const other = actor[partition];
            if (other !== '')
              world.fail('one-owner', 1, `partition ${partition} is handled by ${other} and by ${worker.owner.name}`);
            actor[partition] = worker.owner.name;
          }
        }
      }
    },
  };
}
