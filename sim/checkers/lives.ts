/**
 * Invariant 5, who says something: what a process says is taken for its own word, not for that of the process before it of
 * the same name, once that one has been over for long.
 * Seen failing with the mutant: 'a new process is taken for the one before'.
 */
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';

/** Somebody who was stopped may hear only now what was said long ago. */
const overMs = 12_000;

export function lives(world: World): Observer {
  /** By process: when it was first heard or seen. */
  const sinceMs = new Map<string, number>();
  return {
    stepped({ owner: { name } }) {
      if (!sinceMs.has(name)) sinceMs.set(name, world.kernel.nowMs);
    },
    peerFrame(node, from, _frame, incarnation) {
      const { owner, incarnation: now } = world.nodes.get(from)!;
      // 0: the link is gone meanwhile, and nobody knows any more.
      if (incarnation > 0 && incarnation < now && world.kernel.nowMs - (sinceMs.get(owner.name) ?? Infinity) > overMs)
        world.fail(
          'lives',
          5,
          `${node.owner.name} takes what ${owner.name} says for the word of ${from}.${incarnation}`,
        );
    },
  };
}
