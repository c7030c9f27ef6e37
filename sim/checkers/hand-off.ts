/**
 * Invariant 33, the time: how long a partition stands still while it is handed over, without faults but drains. The aim is
 * 50 ms, and so it is where store and links are fast and both sides are linked. A receiver that has no link to the giver
 * yet misses its word and looks every `ownersPollMs`, later still when tables come meanwhile; and the last write, the seal,
 * the look and the load, each there and back, take what they take. That is the limit. Whoever has the newest rows may be
 * behind a link that fell silent and was not made again yet: then nothing is asked, nor when all members drain, so that
 * nobody is there to get it before one of them is back. (That every hand-off ends: balanced.ts.)
 * Seen failing with the mutant: 'a giver waits a while before it seals'.
 */
import { limits } from '../../src/limits.ts';
import type { FaultKind } from '../options.ts';
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';

const harmless: ReadonlySet<FaultKind> = new Set(['drain', 'weather', 'clock']);

export function handOff(world: World): Observer {
  const { storeMs, linkMs, faults, linkFaults } = world.options;
  if (!faults.every(({ kind }) => harmless.has(kind))) return {};
  const limitMs = 50 + 5 * limits.ownersPollMs + 8 * storeMs[1] + 5 * linkMs[1];
  const isSilent = (fromMs: number): boolean =>
    linkFaults.some(
      ({ kind, atMs }) =>
        kind === 'silent' &&
        atMs <= world.kernel.nowMs &&
        atMs + limits.linkSilenceMs + limits.linkRedialMsMax >= fromMs,
    );
  const brokenMs = (fromMs: number): number => {
    const breaks = linkFaults.filter(
      ({ kind, atMs }) => kind === 'reset' && atMs <= world.kernel.nowMs && atMs + limits.linkRedialMsMax >= fromMs,
    ).length;
    // A link that breaks again and again is made anew after longer and longer pauses.
    const pauseMs = Math.min(limits.linkRedialMsMax, limits.linkRedialMsMin * 2 ** breaks);
    return breaks === 0 ? 0 : breaks * limits.ownersPollMs + pauseMs;
  };
  /** By partition: since when nobody handles it. */
  const frozen = new Map<number, number>();
  let epoch = 0;
  /** By the newest table that anybody knows. */
  let doAllDrain = false;
  return {
    tableAdopted(_node, table) {
      if (table.epoch <= epoch) return;
      epoch = table.epoch;
      doAllDrain = table.members.every(({ draining }) => draining);
      if (doAllDrain) frozen.clear();
    },
    ordered(_node, order) {
      for (const { partition } of order.type === 'freeze' ? order.shares : [])
        if (!frozen.has(partition) && !doAllDrain) frozen.set(partition, world.kernel.nowMs);
      for (const { partition } of order.type === 'thaw' ? order.shares : []) frozen.delete(partition);
    },
    reported(node, report) {
      if (report.type !== 'serving') return;
      for (const { partition } of report.shares) {
        const sinceMs = frozen.get(partition);
        frozen.delete(partition);
        if (sinceMs === undefined) continue;
        const tookMs = world.kernel.nowMs - sinceMs;
        if (tookMs > limitMs + brokenMs(sinceMs) && !isSilent(sinceMs))
          world.fail(
            'hand-off',
            33,
            `partition ${partition} stood still for ${tookMs.toFixed(0)} ms on its way to ${node.id}, the limit is ${limitMs.toFixed(0)}`,
          );
      }
    },
  };
}
