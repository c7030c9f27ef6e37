/**
 * Invariant 36: some seconds after the last fault every new call succeeds within five seconds.
 * Seen failing with: a hub that never retries what waits.
 */
import type { Observer } from '../observe.ts';
import type { History } from '../stage.ts';

/** Calls from this number on are made when all is healed. */
const firstProbe = 1_000;

export function probed(world: History): Observer {
  return {
    phase(phase) {
      if (phase !== 'quiet') return;
      for (const call of world.calls) if (call.plan.number >= firstProbe) checkProbe(world, call.plan.callId);
    },
  };
}

function checkProbe(world: History, callId: string): void {
  const call = world.callWith(callId)!;
  const final = call.finals[0];
  const callees = [...world.phones.values()].filter((phone) => phone.user === call.plan.callee);
  const isBoundAt = (atMs: number): boolean =>
    callees.some((phone) => {
      const last = world.registrations.findLast(
        (each) => each.phone === phone.name && each.sentAtMs <= call.plan.startMs,
      );
      if (!phone.registration.wanted || last?.status !== 200 || last.wants !== 'bind') return false;
      // The registrar counts from when it took the request, which a stopped node may have answered much later.
      return atMs < last.sentAtMs + last.expiresMs;
    });
  if (!isBoundAt(call.plan.startMs)) return;
  if (final === undefined) return world.fail('probed', 36, 'a call after all was healed got no answer', callId);
  const tookMs = final.atMs - call.plan.startMs;
  // It was challenged first, and its callee looked for after that.
  if (final.status === 480 && !isBoundAt(final.atMs + 1_000)) return;
  // Nobody held its registration when the store forgot it; its phone comes back with the next refresh.
  if (final.status === 480 && world.mayForget) return;
  if (final.status !== 200) world.fail('probed', 36, `a call after all was healed got ${final.status}`, callId);
  if (tookMs > 5_000) world.fail('probed', 36, `a call after all was healed took ${tookMs.toFixed(0)} ms`, callId);
}
