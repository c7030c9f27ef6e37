/**
 * Invariants 22, 23 and 24: what a 200 to a REGISTER promised is so: the contacts it lists are those that are bound, a
 * phone that is bound is found by every call until its time is over, one that took its binding back never comes again.
 * Seen failing with: a registration acknowledged before it is stored; removed bindings kept in the snapshot.
 */
import type { Observer } from '../observe.ts';
import type { RegistrationRecord } from '../phone/history.ts';
import type { History } from '../stage.ts';
import { mayMiss } from './streams.ts';

export function registered(world: History): Observer {
  return {
    registration(record) {
      if (world.isStrict && record.status === 200) checkListed(world, record);
    },
    phase(phase) {
      if (phase === 'end' && world.isStrict) checkFound(world);
    },
  };
}

/** What is known of a phone's binding over all of a span of time; undefined when it changed or nobody knows. */
function bindingDuring(
  world: History,
  aor: string,
  contact: string,
  fromMs: number,
  toMs: number,
): boolean | undefined {
  let last: RegistrationRecord | undefined;
  for (const each of world.registrations) {
    if (each.aor !== aor || each.contact !== contact) continue;
    if (each.endedAtMs === 0 || each.endedAtMs >= fromMs) {
      // Under way at the same time; only a refresh in time changes nothing.
      if (each.sentAtMs <= toMs && !isRefresh(each, last)) return undefined;
      continue;
    }
    last = each;
  }
  if (last === undefined) return false;
  if (last.status !== 200) return undefined;
  if (last.wants === 'unbind') return false;
  const expiresMs = last.endedAtMs + last.expiresMs;
  // The expiry counts from when the server decided, somewhere between question and answer.
  return toMs < last.sentAtMs + last.expiresMs - 1_000 ? true : fromMs > expiresMs + 1_000 ? false : undefined;
}

function isRefresh(each: RegistrationRecord, last: RegistrationRecord | undefined): boolean {
  if (each.wants !== 'bind' || last === undefined || last.wants !== 'bind' || last.status !== 200) return false;
  return each.endedAtMs !== 0 && each.endedAtMs < last.sentAtMs + last.expiresMs - 1_000;
}

function checkListed(world: History, record: RegistrationRecord): void {
  const listed = new Set(record.listed);
  if (listed.has(record.contact) !== (record.wants === 'bind'))
    world.fail(
      'registered',
      24,
      `${record.phone}: ${record.wants} got 200 with ${record.listed.join(', ') || 'no contacts'}`,
    );
  for (const phone of world.phones.values()) {
    if (phone.aor !== record.aor || phone.contactUri === record.contact) continue;
    const bound = bindingDuring(world, record.aor, phone.contactUri, record.sentAtMs, record.endedAtMs);
    if (bound === true && !listed.has(phone.contactUri))
      world.fail('registered', 22, `${phone.name} is bound, but the 200 to ${record.phone} does not list it`);
    if (bound === false && listed.has(phone.contactUri))
      world.fail('registered', 23, `${phone.name} is not bound, but the 200 to ${record.phone} lists it`);
  }
}

function checkFound(world: History): void {
  // 408: whoever is found gets an INVITE, and again when it is lost, unless its node sleeps through all that time.
  const sleeps = world.options.faults.some((fault) => fault.kind === 'pause');
  const unreached = new Set(sleeps ? [480, 404] : [480, 404, 408]);
  for (const call of world.calls) {
    const final = call.finals[0];
    if (final === undefined || call.invitedAtMs === 0) continue;
    const aor = `sip:${call.plan.callee}@${world.domain}`;
    for (const phone of world.phones.values()) {
      if (phone.aor !== aor) continue;
      const bound = bindingDuring(world, aor, phone.contactUri, call.invitedAtMs, final.atMs);
      const invited = call.legs.some((leg) => leg.phone === phone.name);
      const isLost =
        mayMiss(world, call.plan.caller, call.invitedAtMs, final.atMs) ||
        mayMiss(world, phone.name, call.invitedAtMs, final.atMs);
      if (bound === true && !invited && unreached.has(final.status) && call.legs.length === 0 && !isLost)
        world.fail('registered', 22, `${phone.name} is bound, but a call to it got ${final.status}`, call.plan.callId);
      if (bound === false && invited && call.legs.every((leg) => leg.invitedAtMs >= call.invitedAtMs))
        world.fail('registered', 22, `${phone.name} is not bound, but was called`, call.plan.callId);
    }
  }
}
