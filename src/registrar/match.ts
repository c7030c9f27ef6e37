/**
 * Which bindings a Contact value speaks of: RFC 3261 10.3 step 7 (URI comparison) and RFC 5626 6 (instance and reg-id).
 *
 *   instance and reg-id:  the binding of that instance and reg-id; if there is none, one with the same URI and no instance
 *                         (the same phone before it learnt outbound).
 *   instance alone:       bindings with the same URI and either the same instance or none; if none has this instance, those of
 *                         the instance that are not outbound flows: a phone that came back behind another NAT port.
 *   neither:              every binding with the same URI.
 */
import { parseUri, uriEquals } from '../sip/uri.ts';
import type { Binding, Bindings } from './bindings.ts';
import type { RequestedContact } from './contact.ts';

/**
 * The bindings of `bindings` that `contact` refreshes, replaces or removes. `current` are the bindings before this request: those it
 * has made itself are other contacts of the same phone, and only the same URI replaces them.
 */
export function matchingBindings(
  bindings: Bindings,
  current: Bindings,
  contact: RequestedContact,
  regId: number,
): Binding[] {
  if (contact.instance === '') return bindings.filter((binding) => sameUri(binding, contact));
  if (regId > 0) {
    const flow = bindings.filter((binding) => binding.regId === regId && sameInstance(binding, contact));
    return flow.length > 0 ? flow : bindings.filter((binding) => binding.instance === '' && sameUri(binding, contact));
  }
  const matching: Binding[] = [];
  let instanceFound = false;
  for (const binding of bindings) {
    if (!sameUri(binding, contact)) continue;
    const same = sameInstance(binding, contact);
    if (!same && binding.instance !== '') continue; // Two phones behind two NATs with the same private address.
    instanceFound ||= same;
    matching.push(binding);
  }
  if (instanceFound) return matching;
  for (const binding of bindings) {
    if (binding.regId === 0 && sameInstance(binding, contact) && current.includes(binding)) matching.push(binding);
  }
  return matching;
}

function sameUri(binding: Binding, contact: RequestedContact): boolean {
  if (binding.uri === contact.uri) return true;
  const stored = parseUri(binding.uri);
  return stored !== undefined && uriEquals(stored, contact.parsed);
}

/** RFC 5626 4.1: a URN; those of phones are UUIDs and MACs, whose letters have no case. */
function sameInstance(binding: Binding, contact: RequestedContact): boolean {
  const [a, b] = [binding.instance, contact.instance];
  return a === b || (a.length === b.length && a.toLowerCase() === b.toLowerCase());
}
