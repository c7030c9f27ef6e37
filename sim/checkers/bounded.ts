/**
 * Invariant 35: no queue grows beyond its limit: mailboxes, writes under way, asks, what waits in a hub. At the little
 * traffic of a world nobody is shed at all as long as the store answers.
 * Seen failing with the mutant: 'a mailbox of two'.
 */
import { limits } from '../../src/limits.ts';
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';

/** Looking at every partition costs. */
const everyMs = 500;

export function bounded(world: World): Observer {
  let lastMs = 0;
  return {
    stepped() {
      if (world.kernel.nowMs - lastMs < everyMs) return;
      lastMs = world.kernel.nowMs;
      for (const node of world.liveNodes()) {
        if (node.hub.waitingCount > limits.hubItemsWaitingMax)
          world.fail('bounded', 35, `${node.hub.waitingCount} items wait in the hub of ${node.id}`);
        for (const worker of node.workers) {
          for (const partition of worker?.core.hosted.partitions() ?? []) {
            const { queued, writesInFlight } = partition;
            if (queued > limits.mailboxUrgentItemsPerPartitionMax)
              world.fail('bounded', 35, `${node.id}: ${partition.describe()}`);
            if (writesInFlight > limits.writesInFlightPerPartitionMax)
              world.fail('bounded', 35, `${node.id}: ${partition.describe()}`);
          }
        }
      }
    },
    counted(node, metric) {
      // A node that may not act for long, for want of the store, lets what comes again and again pile up and sheds it.
      if (world.isStrict && metric.startsWith('shed') && metric !== 'shed-loading')
        world.fail('bounded', 35, `${node} counts ${metric}`);
    },
  };
}
