/**
 * Invariant 36: some seconds after the last fault every process serves and every new call succeeds within five seconds.
 * Seen failing with: a hub that never retries what waits; a node that does not ask for its lease again.
 */
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';

export function healed(world: World): Observer {
  return {
    phase(phase) {
      if (phase === 'healed') {
        for (const node of world.nodes.values()) {
          if (!node.isReady())
            world.fail('healed', 36, `${node.owner.name} is not ready: ${node.loop.control.describe()}`);
        }
      }
      if (phase === 'quiet')
        for (const call of world.calls) if (call.plan.number >= 1_000) checkProbe(world, call.plan.callId);
    },
  };
}

function checkProbe(world: World, callId: string): void {
  const call = world.callWith(callId)!;
  const final = call.finals[0];
  const callees = [...world.phones.values()].filter((phone) => phone.user === call.plan.callee);
  const bound = callees.some((phone) => {
    const last = world.registrations.findLast((each) => each.phone === phone.name);
    return phone.registration.wanted && last?.status === 200 && last.wants === 'bind';
  });
  if (!bound) return;
  if (final === undefined) return world.fail('healed', 36, 'a call after all was healed got no answer', callId);
  const tookMs = final.atMs - call.plan.startMs;
  if (final.status !== 200) world.fail('healed', 36, `a call after all was healed got ${final.status}`, callId);
  if (tookMs > 5_000) world.fail('healed', 36, `a call after all was healed took ${tookMs.toFixed(0)} ms`, callId);
}
