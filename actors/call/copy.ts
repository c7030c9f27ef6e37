/** The copy of a request for one target: what it says, where it goes, by which branch it is known (RFC 3261 16.6). */
import type { Flow } from '../../src/outside.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { parseUri } from '../../src/sip/uri.ts';
import type { SipUri } from '../../src/sip/uri.ts';
import { destinationOf } from '../../src/proxy/destination.ts';
import type { NoRoute } from '../../src/proxy/destination.ts';
import { forwardRequest } from '../../src/proxy/forward.ts';
import type { RoutePlan } from '../../src/proxy/route-set.ts';
import type { Self } from '../../src/proxy/self.ts';
import type { Contact } from '../../src/routing/api.ts';
import { loopHash } from './loop.ts';
import type { Act } from './act.ts';

export interface Copy {
  readonly flow: Flow;
  readonly branch: string;
  readonly bytes: Buffer;
}

/** The copy for one target and where it goes. The branch comes out the same on any node (identifiers.ts). */
export function prepare(
  act: Act,
  request: SipMessage,
  source: Flow,
  plan: RoutePlan,
  contact: Contact,
  identity: string,
  index: number,
  maxBreadth: number,
  ownRealm: string,
): Copy | NoRoute {
  const { self, identifiers } = act.deps;
  const { partition } = act.turn;
  const flow = nextFlow(plan, contact, self, source.listener);
  if (typeof flow === 'string') return flow;
  const outbound = self.listenerOf(flow);
  const inbound = self.listenerOf(source);
  if (outbound === undefined || inbound === undefined) return 'unsupported-transport';
  // A packet to our own socket would come back to us: what is meant for us was handled before.
  if (flow.connection === '' && self.isSocket(flow.address, flow.port)) return 'forbidden-address';
  const branch = identifiers.branch(
    partition,
    loopHash(request),
    `${act.state.callId}\0${request.cseq}\0${identity}`,
    index,
  );
  const bytes = forwardRequest(request, {
    plan,
    source,
    requestUri: contact.uri,
    path: contact.path,
    recordRoute: makesDialog(request.method) ? { inbound, outbound, proof: act.proof } : undefined,
    listener: outbound,
    branch,
    maxBreadth,
    ownRealm,
  });
  return { flow, branch, bytes };
}

/** 16.6 step 7: by the first Route of the copy, else by the Request-URI. The Path stands in front of all other routes. */
function nextFlow(plan: RoutePlan, contact: Contact, self: Self, listener: number): Flow | NoRoute {
  let hop: SipUri | undefined;
  if (contact.path.length > 0) hop = parseUri(routeText(contact.path[0] ?? ''));
  else if (plan.nextRouteText !== '') hop = plan.nextRoute;
  else if (contact.flow !== undefined) return contact.flow;
  else hop = contact.uri === plan.requestUri ? plan.uri : parseUri(contact.uri);
  return hop === undefined ? 'unsupported-scheme' : destinationOf(hop, self, listener);
}

function routeText(value: string): string {
  const open = value.indexOf('<');
  const close = value.indexOf('>', open);
  return open >= 0 && close > open ? value.slice(open + 1, close) : value;
}

/** 16.6 step 4: requests that make or refresh a dialog; later ones follow the route that was recorded then. */
function makesDialog(method: string): boolean {
  return (
    method === 'INVITE' || method === 'SUBSCRIBE' || method === 'NOTIFY' || method === 'REFER' || method === 'UPDATE'
  );
}
