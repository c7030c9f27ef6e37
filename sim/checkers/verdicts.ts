/**
 * Invariants 10 and 12, what the caller is told: 487 only after its own CANCEL; when every phone that was invited has
 * refused, the best of their refusals (RFC 3261 16.7 step 6): a 6xx if there is one, else one of the lowest class.
 * Seen failing with the mutants: 'the worst refusal goes back', 'a 6xx is a refusal like any other', 'a cancelled call
 * forgets that on its way to another node'.
 */
import type { Observer } from '../observe.ts';
import type { CallRecord } from '../phone/history.ts';
import type { History } from '../stage.ts';
import { callMayMiss } from './streams.ts';

export function verdicts(world: History): Observer {
  return {
    phase(phase) {
      if (phase === 'end' && world.isStrict) for (const call of world.calls) check(world, call);
    },
  };
}

function check(world: History, call: CallRecord): void {
  const [final] = call.finals;
  const { callId } = call.plan;
  if (final === undefined || final.status < 300 || call.cancelledAtMs > 0) return;
  if (final.status === 487) return world.fail('verdicts', 12, 'the caller got 487 and has not cancelled', callId);
  // Somebody was not reached or did not answer in time: a verdict of the proxy's own.
  const answered = call.legs.filter((leg) => leg.finalAtMs > 0 && leg.finalAtMs < final.atMs && leg.final !== 487);
  if (answered.length === 0 || answered.length < call.legs.length || final.status === 408) return;
  // A refusal went with a connection: that phone has not refused, for all that the proxy knows.
  if (callMayMiss(world, call, call.plan.startMs, final.atMs)) return;
  const statuses = answered.map((leg) => leg.final);
  const highest = Math.max(...statuses);
  const classWanted = highest >= 600 ? 6 : Math.floor(Math.min(...statuses) / 100);
  if (Math.floor(final.status / 100) !== classWanted || !statuses.includes(final.status))
    world.fail('verdicts', 10, `phones refused with ${statuses.join(', ')}, the caller got ${final.status}`, callId);
}
