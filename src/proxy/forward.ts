/**
 * RFC 3261 16.6: the copy of a request that is sent to one target. Only the lines named there change; all other octets
 * leave as they came.
 */
import type { SipMessage } from '../sip/message.ts';
import { HeaderId } from '../sip/header/names.ts';
import { Splice } from '../sip/splice.ts';
import type { Flow } from '../outside.ts';
import { parseCredentials } from '../auth/credentials.ts';
import type { Listener } from './self.ts';
import type { RoutePlan } from './route-set.ts';

export interface Forward {
  readonly plan: RoutePlan;
  /** Where the request came from (18.2.1: `received` in the Via below ours). */
  readonly source: Flow;
  /** Step 2: the new Request-URI. */
  readonly requestUri: string;
  /** Path of the binding (RFC 3327), first hop first. */
  readonly path: readonly string[];
  /** Step 4; undefined when the request makes no dialog. */
  readonly recordRoute: RecordRoute | undefined;
  /** Step 8. */
  readonly listener: Listener;
  readonly branch: string;
  /** RFC 5393 5.3: what this branch may fork at most; -1 leaves the header as it is. */
  readonly maxBreadth: number;
  /** Realm of the credentials that were meant for us and end here (22.3); '' when there were none. */
  readonly ownRealm: string;
}

export interface RecordRoute {
  readonly inbound: Listener;
  readonly outbound: Listener;
  readonly proof: string;
}

/** RFC 3261 16.6 step 3: the value for a request that had none. */
const maxForwardsDefault = 70;

export function forwardRequest(request: SipMessage, forward: Forward): Buffer {
  const { plan } = forward;
  const copy = new Splice(request);
  if (plan.ownRoutes > 0) copy.popRoute(plan.ownRoutes);
  if (plan.repaired) copy.popLastRoute();
  if (plan.nextIsStrict && forward.path.length === 0) {
    // Step 6: the Request-URI goes to the end of the Route list, the first Route becomes the Request-URI.
    copy.popRoute(1);
    copy.pushLastRoute(`<${forward.requestUri}>`);
    copy.requestUri(plan.nextRouteText);
  } else if (forward.requestUri !== request.requestUri) {
    copy.requestUri(forward.requestUri);
  }
  for (let i = forward.path.length - 1; i >= 0; i--) copy.push(HeaderId.Route, forward.path[i] ?? '');
  copy.maxForwards(request.maxForwards < 0 ? maxForwardsDefault : request.maxForwards - 1);
  if (forward.ownRealm !== '' && request.has(HeaderId.ProxyAuthorization))
    removeCredentials(copy, request, forward.ownRealm);
  if (forward.maxBreadth >= 0) {
    copy.remove(HeaderId.MaxBreadth);
    copy.append('Max-Breadth', String(forward.maxBreadth));
  }
  if (forward.recordRoute !== undefined) pushRecordRoute(copy, forward.recordRoute);
  copy.markTopVia(forward.source.address, forward.source.port);
  // A stream needs to know where the message ends (18.3).
  if (forward.listener.protocol !== 'udp') copy.ensureContentLength();
  copy.pushVia(
    `SIP/2.0/${forward.listener.protocol.toUpperCase()} ${hostPort(forward.listener)};branch=${forward.branch};rport`,
  );
  return copy.toBuffer();
}

/** 22.3: what is meant for the next proxy stays. */
function removeCredentials(copy: Splice, request: SipMessage, realm: string): void {
  copy.remove(HeaderId.ProxyAuthorization);
  const values = request.values(HeaderId.ProxyAuthorization);
  // Ours were among them, so a single one is ours.
  if (values.length === 1) return;
  for (const value of values) if (parseCredentials(value)?.realm !== realm) copy.append('Proxy-Authorization', value);
}

/** Step 4. Two values when the two sides use different sockets, so that each side finds a way it can use. */
function pushRecordRoute(copy: Splice, { inbound, outbound, proof }: RecordRoute): void {
  copy.push(HeaderId.RecordRoute, recordRouteValue(inbound, proof));
  if (outbound !== inbound) copy.push(HeaderId.RecordRoute, recordRouteValue(outbound, proof));
}

function recordRouteValue(listener: Listener, proof: string): string {
  const transport = listener.protocol === 'udp' ? '' : `;transport=${listener.protocol}`;
  return `<sip:${hostPort(listener)}${transport};lr;p=${proof}>`;
}

function hostPort(listener: Listener): string {
  return `${listener.host}:${listener.advertisedPort ?? listener.port}`;
}
