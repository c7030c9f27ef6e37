/**
 * Invariant 14 after a takeover: what was under way when the owner was lost may be answered already; the answer waits
 * somewhere until the next owner is known. So that one repeats nothing for a moment, by its own clock at least: while it
 * cannot know the time well, over a slow store, a better answer may set that forward by as much as it was unsure of.
 * Seen failing with the mutant: 'no quiet after a takeover'.
 */
import type { Observer } from '../observe.ts';
import type { SimNode } from '../node.ts';
import type { World } from '../world.ts';

/** A little less than limits.takeoverQuietMs, for the ways between threads and a wheel that turns in steps. */
const quietMs = 220;
/** Timers A, E and G repeat (RFC 3261 17). */
const repeating = /^[AEG] /;

/** When a node began to serve a partition, in the world and by its own clock. */
interface Since {
  readonly worldMs: number;
  readonly clusterMs: number;
}

export function quiet(world: World): Observer {
  const servedSince = new Map<SimNode, Map<number, Since>>();
  const sinceOf = (node: SimNode): Map<number, Since> => {
    let since = servedSince.get(node);
    if (since === undefined) servedSince.set(node, (since = new Map()));
    return since;
  };
  /** The first word counts: a process may be stopped between its first input and its report. */
  const serves = (node: SimNode, partition: number): void => {
    const since = sinceOf(node);
    if (!since.has(partition)) since.set(partition, { worldMs: world.kernel.nowMs, clusterMs: node.clock.clusterMs() });
  };
  return {
    obeying(node, _worker, order) {
      if (order.type === 'assign') for (const { partition } of order.shares) sinceOf(node).delete(partition);
    },
    reported(node, report) {
      if (report.type === 'serving') for (const { partition } of report.shares) serves(node, partition);
    },
    handling({ node, partition, input, kind, key }) {
      serves(node, partition);
      if (input.type !== 'timer' || !repeating.test(input.name)) return undefined;
      const { worldMs, clusterMs } = sinceOf(node).get(partition)!;
      const afterMs = Math.max(world.kernel.nowMs - worldMs, node.clock.clusterMs() - clusterMs);
      if (afterMs < quietMs)
        world.fail(
          'quiet',
          14,
          `${node.id}: ${kind} ${key} repeats something ${afterMs.toFixed(0)} ms after its takeover`,
          key,
        );
      return undefined;
    },
  };
}
