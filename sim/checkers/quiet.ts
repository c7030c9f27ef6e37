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
  const sinceOf = (node: SimNode): Map<number, number> => {
    let since = servedSinceMs.get(node);
    if (since === undefined) servedSinceMs.set(node, (since = new Map()));
    return since;
  };
  /** The first word counts: a process may be stopped between its first input and its report. */
  const serves = (node: SimNode, partition: number): void => {
    const since = sinceOf(node);
    if (!since.has(partition)) since.set(partition, world.kernel.nowMs);
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
      const afterMs = world.kernel.nowMs - sinceOf(node).get(partition)!;
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
