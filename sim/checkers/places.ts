/**
 * Invariant 27 (and 30 of counters), as phones see it: never more calls at once stand on a trunk than it has places, nobody is refused while
 * there is room, and when all is over the counter is at 0. Of each call that was answered it is sure that it held a place
 * from the moment in which its callee heard of it until somebody sent a BYE. Who was refused must have met as many calls as
 * there are places: those that may have had one, from their first INVITE until a little after their end, or for long after
 * it where a fault has touched the cluster meanwhile, or where a phone that rang too went silent: nobody knows of it whether
 * it answers yet.
 * Seen failing with the mutants: 'one place too many', 'nobody gives back a place', 'the next owner forgets who has a
 * place', 'a call that was refused keeps its place', 'places are granted before they are saved'.
 */
import type { LimitState } from '../../actors/limit/behaviour.ts';
import type { Observer } from '../observe.ts';
import type { CallRecord } from '../phone/history.ts';
import { isTrunkCall, trunkName } from '../trunk.ts';
import type { World } from '../world.ts';
import { Calm } from './calm.ts';

/** A call has given back its place so soon after its end, besides what links and stores take. */
const releasedMs = 500;

export function places(world: World): Observer {
  const { trunk } = world.options;
  if (trunk === undefined) return {};
  const calm = new Calm(world);
  const { linkMs, storeMs, store } = world.options;
  const slackMs = releasedMs + 6 * linkMs[1] + 6 * (storeMs[1] + store.forceMs[1]);
  const isUntouched = Calm.isAlways(world) && world.options.linkFaults.length === 0;
  return {
    ...calm.observer,
    handling({ kind, input, state }) {
      if (kind !== 'limit' || input.type !== 'ask') return undefined;
      const { places: own } = state as LimitState;
      const before = own.size;
      return (wanted) => {
        if (own.size > before && !wanted.includes('save store '))
          world.fail('places', 30, 'a place is granted, and nothing waits until that is saved', input.asker.key);
      };
    },
    callEvent(call, what) {
      if (what !== 'caller got 486' || call.legs.length > 0 || !isTrunkCall(trunk, call.plan)) return;
      if (!world.isStrict) return;
      const { nowMs } = world.kernel;
      // Before that, a place may have been left to nobody for a while.
      if (!calm.since(call.plan.startMs)) return;
      const others = world.calls.filter(
        (other) =>
          other !== call &&
          isTrunkCall(trunk, other.plan) &&
          other.plan.startMs <= nowMs &&
          mayHold(
            other,
            call.plan.startMs,
            (isUntouched ? 0 : 30_000) + (wentSilent(other, world) ? cancelledMs : 0) + slackMs,
          ),
      );
      if (others.length < trunk.calls)
        world.fail(
          'places',
          27,
          `a call was refused, and of ${trunk.calls} places at most ${others.length} could be taken`,
          call.plan.callId,
        );
    },
    counted(_node, metric) {
      if (metric === 'limit-lapsed' && isUntouched)
        world.fail('places', 27, 'a call had ended and its place was not given back');
    },
    phase(phase) {
      if (phase !== 'end' || !world.isStrict) return;
      checkAtOnce(world, trunk.calls);
      if (trunk.perSecond !== undefined) checkBegun(world, trunk.perSecond);
    },
  };
}

/** A branch is over so long after its CANCEL, answered or not: 64*T1 (RFC 3261 9.1), and a little. */
const cancelledMs = 33_000;

/** One of its phones does not hear us any more, and we have nothing final of it. */
function wentSilent({ legs }: CallRecord, { options, kernel }: World): boolean {
  return options.lineFaults.some(
    ({ kind, phone, atMs }) =>
      kind === 'silent' && atMs <= kernel.nowMs && legs.some((leg) => leg.phone === phone && leg.ackedAtMs === 0),
  );
}

/** Whether it may have had its place at that time or later. */
function mayHold(call: CallRecord, atMs: number, slackMs: number): boolean {
  const [final] = call.finals;
  // Refused itself.
  if (final?.status === 486 && call.legs.length === 0) return false;
  // Nobody knows what has become of it.
  if (final === undefined) return call.timedOutAtMs === 0 || call.timedOutAtMs + 40_000 > atMs;
  if (final.status >= 300) return final.atMs + slackMs > atMs;
  // A BYE that nobody answered, or that had no way to the other side, may not have come.
  const byes = call.requests.filter(
    ({ method, endedAtMs, timedOut, status }) => method === 'BYE' && endedAtMs > 0 && !timedOut && status < 500,
  );
  const tags = new Set(call.finals.map(({ tag }) => tag));
  for (const { tag } of byes) tags.delete(tag);
  if (tags.size > 0) return true;
  return Math.max(...byes.map(({ endedAtMs }) => endedAtMs)) + slackMs > atMs;
}

function checkAtOnce(world: World, allowed: number): void {
  const changes: { readonly atMs: number; readonly by: 1 | -1; readonly call: CallRecord }[] = [];
  for (const call of world.calls) {
    if (!isTrunkCall(world.options.trunk!, call.plan)) continue;
    const span = surelyHeld(call);
    if (span === undefined) continue;
    changes.push({ atMs: span.fromMs, by: 1, call }, { atMs: span.toMs, by: -1, call });
  }
  // At the same moment, who goes goes first.
  changes.sort((a, b) => a.atMs - b.atMs || a.by - b.by);
  let now = 0;
  for (const { by, call, atMs } of changes) {
    now += by;
    if (now > allowed)
      world.fail(
        'places',
        27,
        `${now} calls at once on ${trunkName} of ${allowed} places, at ${atMs.toFixed(0)} ms`,
        call.plan.callId,
      );
  }
}

/** Of these it is sure that they were let through in one second: asked for and heard of by their callees in less. */
function checkBegun(world: World, allowed: number): void {
  const begun = world.calls
    .filter((call) => isTrunkCall(world.options.trunk!, call.plan) && call.legs.length > 0)
    .map(({ invitedAtMs, legs, plan }) => ({ fromMs: invitedAtMs, toMs: legs[0]!.invitedAtMs, plan }))
    .sort((a, b) => a.fromMs - b.fromMs);
  for (const [index, { fromMs, plan }] of begun.entries()) {
    let count = 0;
    for (let next = index; next < begun.length && begun[next]!.fromMs < fromMs + secondMs; next++)
      if (begun[next]!.toMs < fromMs + secondMs) count++;
    if (count > allowed)
      world.fail(
        'places',
        27,
        `${count} calls began in a second, and ${allowed} may, at ${fromMs.toFixed(0)} ms`,
        plan.callId,
      );
  }
}

/** The clocks of nodes differ a little. */
const secondMs = 950;

/**
 * From when to when it surely had its place; undefined: not answered. A fork that answers when all dialogs that its caller knew
 * of have ended comes to a call whose place is given back.
 */
function surelyHeld(call: CallRecord): { readonly fromMs: number; readonly toMs: number } | undefined {
  let held: { readonly fromMs: number; readonly toMs: number } | undefined;
  for (const { status, tag, atMs } of call.finals) {
    const leg = call.legs.find((each) => each.tag === tag);
    if (status >= 300 || leg === undefined) continue;
    if (held !== undefined && atMs > held.toMs) break;
    const byes = call.requests.filter((each) => each.method === 'BYE' && each.tag === tag);
    const toMs = Math.min(...byes.map(({ sentAtMs }) => sentAtMs));
    if (toMs <= leg.invitedAtMs) continue;
    held = {
      fromMs: Math.min(held?.fromMs ?? Infinity, leg.invitedAtMs),
      toMs: Math.max(held?.toMs ?? 0, toMs),
    };
  }
  return held;
}
