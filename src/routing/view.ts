/** What a service sees of a request: canonical addresses, read lazily where they cost. */
import type { Flow } from '../outside.ts';
import type { SipMessage } from '../sip/message.ts';
import { aorOf, parseUri } from '../sip/uri.ts';
import type { RoutePlan } from '../proxy/route-set.ts';
import type { Self } from '../proxy/self.ts';
import type { RoutingRequest } from './api.ts';

/** `plan` is what route preprocessing made of the request (RFC 3261 16.4). */
export function viewOf(request: SipMessage, plan: RoutePlan, flow: Flow, self: Self): RoutingRequest {
  const { requestUri } = plan;
  const target = addressOf(requestUri, self);
  const from = addressOf(request.from.uri, self);
  const to = addressOf(request.to.uri, self);
  return {
    method: request.method,
    requestUri,
    target: target.aor,
    targetIsLocal: target.local,
    from: from.aor,
    fromIsLocal: from.local,
    to: to.aor,
    toIsLocal: to.local,
    nextHop: plan.nextRouteText,
    source: flow,
    header: (name) => request.lines(name)[0],
  };
}

function addressOf(text: string, self: Self): { aor: string; local: boolean } {
  const uri = parseUri(text);
  if (uri === undefined) return { aor: '', local: false };
  const local = self.isResponsible(uri);
  if (uri.user === '') return { aor: '', local };
  return { aor: aorOf(uri), local };
}
