/**
 * Invariant 20: an item takes at most three steps between nodes and threads until its owner has it, and where the cluster is
 * in good health and no partition has moved in the last second at most one. (Max-Forwards: dialog-stable.ts.)
 * Seen failing with the mutant: 'hops are counted twice', 'items go round for ever'.
 */
import { limits } from '../../src/limits.ts';
import type { Observer } from '../observe.ts';
import type { SimNode } from '../node.ts';
import type { World } from '../world.ts';
import { Calm } from './calm.ts';

export function hops(world: World): Observer {
  const calm = new Calm(world);
  const own = new Map<string, Set<number>>();
  const ownOf = (node: SimNode): Set<number> => {
    let found = own.get(node.owner.name);
    if (found === undefined) own.set(node.owner.name, (found = new Set()));
    return found;
  };
  /** Who has been told of a partition's new owner may pass on what others still send by the table before. */
  let movedMs = -Infinity;
  return {
    ...calm.observer,
    tableAdopted: () => void (movedMs = world.kernel.nowMs),
    leftWorker: (node, _worker, target, payload) => void (target[0] === 0 && ownOf(node).add(sumOf(payload))),
    cameToWorker(node, _worker, target, payload) {
      if (target[0] !== 0 || target[2] > 0 || ownOf(node).has(sumOf(payload))) return;
      world.fail(
        'hops',
        20,
        `an item of partition ${target[1]} came to ${node.id} from another node and counts no hop`,
      );
    },
    routed(node, to, target) {
      if (target[0] !== 0) return;
      const [, partition, count] = target;
      // The last step began before the fault was over.
      const sinceMs = world.kernel.nowMs - 1_000;
      const most = calm.since(sinceMs) && movedMs < sinceMs ? 1 : limits.linkHopsMax;
      if (count <= most) return;
      world.fail(
        'hops',
        20,
        `an item of partition ${partition} goes from ${node.id} to ${to || 'a worker'}, hop ${count}`,
      );
    },
  };
}

function sumOf(payload: Uint8Array): number {
  let sum = payload.length;
  for (let index = 0; index < payload.length; index += 7) sum = Math.imul(sum ^ payload[index]!, 0x01000193);
  return sum;
}
