/**
 * Invariant 14 after a takeover: what was under way when the owner was lost may be answered already; the answer waits
 * somewhere until the next owner is known. So that one repeats nothing for a moment.
 * Seen failing with the mutant: 'no quiet after a takeover'.
 */
import type { Observer } from '../observe.ts';
import type { SimNode } from '../node.ts';
import type { World } from '../world.ts';

/** A little less than limits.takeoverQuietMs, for the ways between threads and a wheel that turns in steps. */
const quietMs = 220;
/** Timers A, E and G repeat (RFC 3261 17). */
const repeating = /^[AEG] /;

export function quiet(world: World): Observer {
  const servedSinceMs = new Map<SimNode, Map<number, number>>();
  return {
    reported(node, report) {
      if (report.type !== 'serving') return;
      let since = servedSinceMs.get(node);
      if (since === undefined) servedSinceMs.set(node, (since = new Map()));
      for (const { partition } of report.shares) since.set(partition, world.kernel.nowMs);
    },
    handling({ node, partition, input, kind, key }) {
      if (input.type !== 'timer' || !repeating.test(input.name)) return undefined;
      const afterMs = world.kernel.nowMs - (servedSinceMs.get(node)?.get(partition) ?? -Infinity);
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
