/**
 * Invariant 8, in the eyes of an operator: when all is healed, every call that stands is listed as established by the
 * owner of its partition, whoever that was before.
 * Seen failing with the mutant 'dialogs are not in the snapshot'.
 */
import type { CallView } from '../../actors/call/behaviour.ts';
import type { Observer } from '../observe.ts';
import type { CallRecord } from '../phone/history.ts';
import type { World } from '../world.ts';

/** An ACK is on its way so long at most, with what is repeated. */
const settledMs = 2_000;

export function listed(world: World): Observer {
  return {
    phase(phase) {
      if (phase !== 'healed' || !world.isStrict) return;
      const standing = new Map(
        world.calls.filter((call) => stands(call, world.kernel.nowMs)).map((call) => [call.plan.callId, call]),
      );
      for (const node of world.liveNodes())
        for (const worker of node.workers)
          for (const partition of worker?.core.hosted.partitions() ?? [])
            for (const { key, view } of partition.list('call'))
              if ((view as readonly CallView[]).some((each) => each.state === 'established')) standing.delete(key);
      for (const callId of standing.keys())
        world.fail('listed', 8, 'a call that stands is listed by no node as established', callId);
    },
  };
}

function stands(call: CallRecord, nowMs: number): boolean {
  const final = call.finals[0];
  if (final === undefined || final.status >= 300 || final.atMs > nowMs - settledMs || call.endedAtMs > 0) return false;
  const leg = call.legs.find((each) => each.tag === final.tag);
  return leg !== undefined && leg.ackedAtMs > 0 && leg.ackedAtMs < nowMs - settledMs && leg.endedAtMs === 0;
}
