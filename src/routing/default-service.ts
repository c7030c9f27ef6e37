/**
 * What runs when no routes are configured: registrar and proxy for the configured domains. Whoever is not a local user
 * is challenged first, so no answer tells a stranger who exists; foreign destinations are refused (no open relay).
 */
import { authenticate, challenge, fork, locate, register, reply } from './api.ts';
import type { Answers, Decision, Identity, Question, RoutingRequest, Service } from './api.ts';

export function defaultService(options: { readonly authenticate: boolean }): Service {
  return function* (request) {
    if (request.method === 'REGISTER') return yield* onRegister(request, options.authenticate);
    return yield* onCall(request, options.authenticate);
  };
}

/** A Route to elsewhere would make an open relay of us, whoever the Request-URI names. */
const preloaded = reply(403, 'Preloaded Route Denied');
const relayingDenied = reply(403, 'Relaying Denied');

function* onRegister(request: RoutingRequest, mustProve: boolean): Generator<Question, Decision, Answers> {
  if (mustProve) {
    const who: Identity = yield* authenticate();
    if (who === undefined) return challenge;
    // RFC 3261 10.3 step 4: only its owner changes the bindings of an address-of-record.
    if (who !== request.to) return reply(403);
  }
  if (request.nextHop !== '') return preloaded;
  // RFC 3261 10.3 step 1: a registration for another registrar would have to be forwarded to it.
  if (!request.targetIsLocal) return relayingDenied;
  // RFC 3261 10.3 step 5: the address-of-record must be one of our domains, and a user's.
  return request.toIsLocal && request.to !== '' ? register : reply(404);
}

function* onCall(request: RoutingRequest, mustProve: boolean): Generator<Question, Decision, Answers> {
  if (mustProve) {
    const who: Identity = yield* authenticate();
    if (who === undefined) return challenge;
    if (who !== request.from) return reply(403, 'From Is Not You');
  }
  if (request.nextHop !== '') return preloaded;
  if (!request.targetIsLocal) return relayingDenied;
  if (request.target === '') return reply(404);
  const location = yield* locate(request.target);
  if (location.contacts.length > 0) return fork(location.contacts);
  return location.known ? reply(480) : reply(404);
}
