/**
 * Invariant 1: of each partition at most one process may act at any time, and in it at most one worker. Not while a store that
 * lost a table which was adopted (a wipe) has not got it back.
 * Seen failing with: the latch never set (membership.ts), a partition thawed by a worker that was told to drop it.
 */
import type { Observer } from '../observe.ts';
import type { SimWorker } from '../worker.ts';
import type { World } from '../world.ts';

/** Looking at every partition costs: not more often than this. */
const everyMs = 20;
/** A store that lost an adopted table has it again after so long: a renewal of the lease, or one of a node cut off from it. */
const giveBackMs = 8_000;

export function oneOwner(world: World): Observer {
  /** By partition: who was seen to act for it in this look, as its place in `actors`; 0: nobody. */
  const actor = new Uint16Array(world.options.partitions);
  let actors: string[] = [];
  /** The workers of the last look, and whether one of them may hold other partitions since. */
  const acting: SimWorker[] = [];
  let isStale = true;
  let lastMs = -everyMs;
  let adopted = 0;
  let excusedUntilMs = -Infinity;
  world.store.watches.push({
    lost(data) {
      // A node that starts before a member has given the table back founds a cluster of its own.
      if ((data.memory.readTable()?.epoch ?? 0) < adopted) excusedUntilMs = world.kernel.nowMs + giveBackMs;
    },
  });
  const look = (): void => {
    actor.fill(0);
    actors = [''];
    for (const worker of acting) {
      const number = actors.push(worker.owner.name) - 1;
      for (const partition of worker.core.hosted.handled()) {
        const other = actor[partition]!;
        if (other > 0) {
          const both = `${actors[other]} and by ${worker.owner.name}`;
          world.fail('one-owner', 1, `partition ${partition} is handled by ${both}`);
        }
        actor[partition] = number;
      }
    }
  };
  return {
    tableAdopted(_node, table) {
      adopted = Math.max(adopted, table.epoch);
    },
    stepped() {
      if (world.kernel.nowMs - lastMs < everyMs) return;
      lastMs = world.kernel.nowMs;
      if (lastMs < excusedUntilMs) return;
      let count = 0;
      for (const node of world.nodes.values()) {
        if (!node.isAlive || node.isPaused || !node.serving()) continue;
        for (const worker of node.workers) {
          if (worker === undefined || !worker.owner.isAlive) continue;
          if (acting[count] !== worker) isStale = true;
          acting[count++] = worker;
        }
      }
      if (acting.length !== count) isStale = true;
      if (!isStale) return;
      isStale = false;
      acting.length = count;
      look();
    },
    obeyed() {
      isStale = true;
    },
    // What was loading is there now.
    reported() {
      isStale = true;
    },
  };
}
