/**
 * Invariant 32 inside of a hub: while something waits for a partition because its way is closed, nothing that came later for
 * that partition is tried. (in-order.ts asks what actors get, but not while links break.)
 * Seen failing with the mutant: 'what waits in a hub is overtaken'.
 */
import type { Observer } from '../observe.ts';
import type { SimNode } from '../node.ts';
import type { World } from '../world.ts';

export function hubOrder(world: World): Observer {
  /** What waits is tried again and again as the very same octets: the number of its first try. */
  const numbers = new WeakMap<Uint8Array, number>();
  /** By node and partition: the latest that was tried. */
  const latest = new Map<SimNode, Map<number, number>>();
  let tries = 0;
  return {
    forwarded(node, peer, target, payload) {
      // What comes back from elsewhere may go ahead (hub.ts).
      if (target[0] !== 0 || target[2] !== 0) return;
      let number = numbers.get(payload);
      if (number === undefined) numbers.set(payload, (number = tries++));
      let ofNode = latest.get(node);
      if (ofNode === undefined) latest.set(node, (ofNode = new Map()));
      const before = ofNode.get(target[1]) ?? -1;
      if (number < before)
        world.fail('hub-order', 32, `${node.id} still keeps an item for ${peer} and has tried a later one`);
      ofNode.set(target[1], number);
    },
  };
}
