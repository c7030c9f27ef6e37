/**
 * What is not promised over TCP. Nobody repeats a message there: neither the phone nor, but for a takeover, the server; so
 * one that was under way when a connection, a thread, a node or a link was lost is lost with it. And what goes to a phone
 * goes by the connection of its last REGISTER or request until it sends another one: between the loss of that connection
 * and the REGISTER over the next one nobody can reach it. From then on everybody can, also calls that stood before: whoever
 * asks inside of one by then is answered, whatever connections were lost since it began (`cannotReach`).
 */
import { limits } from '../../src/limits.ts';
import type { Fault } from '../options.ts';
import type { CallRecord } from '../phone/history.ts';
import type { History } from '../stage.ts';

/** Faults that lose no message between a node that has it and the phones. */
const harmless: ReadonlySet<Fault['kind']> = new Set(['weather', 'clock', 'drain', 'store-slow', 'store-full']);
/** What waits for a link or for an owner is kept for so long at most, then dropped. */
const settledMs = 8_000;

/** Whether a message to or from this phone between these times may have been lost for good. */
export function mayMiss(world: History, phone: string, fromMs: number, toMs: number): boolean {
  const line = world.phones.get(phone)?.line;
  if (line === undefined) return false;
  if (!line.wasSound(fromMs, toMs)) return true;
  // A link that fell silent is made anew without what was under way.
  const linkMs = limits.linkSilenceMs + settledMs;
  if (world.options.linkFaults.some(({ atMs }) => atMs <= toMs && atMs + linkMs >= fromMs)) return true;
  return world.options.faults.some((fault) => {
    if (harmless.has(fault.kind)) return false;
    const overMs = (fault.onWrite ? world.healedAtMs : fault.atMs + fault.forMs) + settledMs;
    return fault.atMs <= toMs && overMs >= fromMs;
  });
}

/** Whether a request inside of a call that was sent then may get nowhere, because of one of the phones of the call. */
export function cannotReach(world: History, call: CallRecord, sentAtMs: number, toMs: number): boolean {
  return [call.plan.caller, ...call.legs.map((leg) => leg.phone)].some((name) => {
    const phone = world.phones.get(name);
    if (phone?.line === undefined) return false;
    // Who is not registered is not found again. While all is quiet nobody refreshes.
    const last = world.registrations.findLast((each) => each.phone === name && each.status === 200);
    const isBound = last?.wants === 'bind' && last.endedAtMs + last.expiresMs > toMs;
    return !isBound || !phone.registration.wanted || mayMiss(world, name, sentAtMs, toMs);
  });
}

/** The same as `mayMiss` for any phone of a call. */
export function callMayMiss(world: History, call: CallRecord, fromMs: number, toMs: number): boolean {
  if (mayMiss(world, call.plan.caller, fromMs, toMs)) return true;
  return call.legs.some((leg) => mayMiss(world, leg.phone, fromMs, toMs));
}
