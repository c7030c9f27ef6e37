/**
 * Invariants 8, 18, 19 and 21: a call that both sides hold is never lost: requests inside of it are answered by the other
 * side, its end reaches both, and the ACK of each 2xx reaches the callee.
 * Seen failing with: dialogs left out of the snapshot; the ACK forwarded only by the node that saw the 2xx.
 */
import type { Observer } from '../observe.ts';
import type { CallRecord, DialogRequest } from '../phone/history.ts';
import type { History } from '../stage.ts';
import { callMayMiss, cannotReach } from './streams.ts';

export function establishedCalls(world: History): Observer {
  return {
    phase(phase) {
      if (!world.isStrict) return;
      if (phase === 'quiet') for (const call of world.calls) checkProbes(world, call);
      if (phase === 'end') for (const call of world.calls) checkEnd(world, call);
    },
  };
}

/** Requests sent inside of dialogs once all is healed. */
function checkProbes(world: History, call: CallRecord): void {
  for (const request of call.requests) {
    // 500: it overtook another one on its way (RFC 3261 12.2.2).
    if (request.sentAtMs < world.probedAtMs || request.status === 200 || request.status === 500) continue;
    // The other side may have hung up meanwhile.
    const other =
      request.by === 'caller'
        ? Math.min(...call.legs.map((leg) => leg.endedAtMs || Infinity))
        : call.endedAtMs || Infinity;
    if (other < request.endedAtMs || request.endedAtMs === 0) continue;
    if (mayFail(world, call, request)) continue;
    world.fail(
      'established-calls',
      8,
      `${request.method} of the ${request.by} in an established call got ${request.status}`,
      call.plan.callId,
    );
  }
}

function checkEnd(world: History, call: CallRecord): void {
  const { callId } = call.plan;
  for (const request of call.requests) {
    // An INVITE that got a provisional response has no timer of its phone's any more; its final one was lost with a connection.
    const isLost = request.method === 'INVITE' && callMayMiss(world, call, request.sentAtMs, world.kernel.nowMs);
    if (request.status === 0 && !isLost)
      world.fail(
        'established-calls',
        8,
        `${request.method} of the ${request.by} was never answered nor given up`,
        callId,
      );
    const isExcused = mayFail(world, call, request);
    if (request.timedOut && request.method === 'BYE' && !isExcused)
      world.fail('established-calls', 18, `the BYE of the ${request.by} was given up`, callId);
    const isGone = request.status === 481 && !isExcused;
    if (isGone && request.method !== 'BYE' && !endedNear(call, request.sentAtMs, request.endedAtMs))
      world.fail(
        'established-calls',
        21,
        `${request.method} of the ${request.by} got 481 in a call that stands`,
        callId,
      );
  }
  // 64*T1 for the ACK, and as long for the BYE.
  const lastMs = Math.max(call.endedAtMs, ...call.legs.map((leg) => leg.finalAtMs + 32_000));
  if (callMayMiss(world, call, call.plan.startMs, lastMs)) return;
  for (const leg of call.legs) {
    const reachedCaller = call.finals.some((final) => final.status < 300 && final.tag === leg.tag);
    if (leg.final >= 200 && leg.final < 300 && reachedCaller && leg.abandoned)
      world.fail('established-calls', 19, `${leg.phone} answered, the caller got it, and no ACK came`, callId);
    // Its BYE crossed that of the caller, which finds no way over a connection any more once the dialog has ended.
    const hasHungUp = call.requests.some(
      (each) => each.by === 'callee' && each.method === 'BYE' && each.status === 200,
    );
    if (leg.final >= 200 && leg.final < 300 && leg.endedAtMs === 0 && !hasHungUp)
      world.fail('established-calls', 18, `${leg.phone} still holds a call that is over`, callId);
  }
}

/** Whose INVITE was lost with a connection knows no call: then it is from its beginning that things may have gone wrong. */
function mayFail(world: History, call: CallRecord, request: DialogRequest): boolean {
  if (request.status === 481) return callMayMiss(world, call, call.plan.startMs, request.endedAtMs);
  return cannotReach(world, call, request.sentAtMs, request.endedAtMs);
}

function endedNear(call: CallRecord, fromMs: number, toMs: number): boolean {
  const ends = [call.endedAtMs, ...call.legs.map((leg) => leg.endedAtMs)];
  return ends.some((endMs) => endMs > 0 && endMs <= toMs) || toMs < fromMs;
}
