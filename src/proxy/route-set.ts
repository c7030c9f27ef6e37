/**
 * Where a request goes next by its own Route header fields: RFC 3261 16.4 (route information preprocessing) and 16.6
 * steps 6 and 7. Pure: reads the message, decides, changes nothing.
 */
import type { SipMessage } from '../sip/message.ts';
import { HeaderId } from '../sip/header/names.ts';
import { scanAddress, scanned } from '../sip/header/address.ts';
import { formatUri, parseUri, uriParam } from '../sip/uri.ts';
import type { SipUri } from '../sip/uri.ts';
import type { Self } from './self.ts';

export interface RoutePlan {
  /** Request-URI after the repair of what a strict router did, and without an maddr that means us (16.4). */
  readonly requestUri: string;
  /** The same, parsed; undefined when we do not know its scheme. */
  readonly uri: SipUri | undefined;
  /** The last Route value became the Request-URI and is to be removed. */
  readonly repaired: boolean;
  /** Leading Route values that name us, to be removed (16.4, last paragraph; all at once, so no packet loops through us). */
  readonly ownRoutes: number;
  /** One of them carries our proof: the sender follows a route set that we gave out for this very Call-ID. */
  readonly proven: boolean;
  /** The first remaining Route, where the packet goes. Undefined when there is none, or none that we can follow. */
  readonly nextRoute: SipUri | undefined;
  /** The same as text, also when we cannot follow it; '' when no Route remains: the packet goes to the Request-URI. */
  readonly nextRouteText: string;
  /** The next Route lacks `lr`: 16.6 step 6 swaps it with the Request-URI. */
  readonly nextIsStrict: boolean;
}

/**
 * `proof` is what our Record-Route of this call carries in its `p` parameter, of no use for a request without a Route;
 * `listener` is where the request came in.
 */
export function planRoute(request: SipMessage, self: Self, proof: string, listener: number): RoutePlan {
  const routes = request.has(HeaderId.Route) ? request.values(HeaderId.Route) : noRoutes;
  let requestUri = request.requestUri;
  let last = routes.length;
  let repaired = false;
  let proven = false;

  // RFC 3261 16.4: a strict router before us has put our own Record-Route value into the Request-URI.
  let uri = request.uri;
  if (uri !== undefined && isOwnRoute(uri, self, proof) && last > 0) {
    proven = uriParam(uri, 'p') === proof;
    requestUri = routeUri(routes[last - 1] ?? '');
    uri = parseUri(requestUri);
    last--;
    repaired = true;
  }
  if (uri !== undefined && isOwnMaddr(uri, self, listener)) {
    requestUri = withoutMaddr(uri);
    uri = parseUri(requestUri);
  }

  let own = 0;
  let nextRoute: SipUri | undefined;
  let nextRouteText = '';
  for (; own < last; own++) {
    nextRouteText = routeUri(routes[own] ?? '');
    nextRoute = parseUri(nextRouteText);
    if (nextRoute === undefined) break;
    // By the proof too: a node with an address of its own that wrote it may be gone.
    const isProven = uriParam(nextRoute, 'p') === proof;
    if (!isProven && !self.isSocket(nextRoute.host, nextRoute.port)) break;
    if (isProven) proven = true;
    nextRoute = undefined;
    nextRouteText = '';
  }
  return {
    requestUri,
    uri,
    repaired,
    ownRoutes: own,
    proven,
    nextRoute,
    nextRouteText,
    nextIsStrict: nextRoute !== undefined && !hasParam(nextRoute, 'lr'),
  };
}

const noRoutes: readonly string[] = [];

/** A Request-URI that can only be a Record-Route value of ours: our socket, no user, `lr` and `p`. */
function isOwnRoute(uri: SipUri, self: Self, proof: string): boolean {
  if (uri.user !== '' || !hasParam(uri, 'lr') || !hasParam(uri, 'p')) return false;
  return self.isSocket(uri.host, uri.port) || uriParam(uri, 'p') === proof;
}

/** 16.4: an maddr that is one of ours, in a request that came by the port and the transport that its URI speaks of. */
function isOwnMaddr(uri: SipUri, self: Self, listener: number): boolean {
  const maddr = uriParam(uri, 'maddr');
  if (maddr === undefined || !self.isHost(maddr)) return false;
  const inbound = self.listeners[listener];
  if (inbound === undefined) return false;
  const port = uri.port === 0 ? 5060 : uri.port;
  if (port !== inbound.port && port !== inbound.advertisedPort) return false;
  return inbound.protocol === (uriParam(uri, 'transport') ?? 'udp').toLowerCase();
}

/** 16.4: "strip the maddr and any non-default port or transport parameter". */
function withoutMaddr(uri: SipUri): string {
  return formatUri({
    ...uri,
    port: uri.port === 5060 ? uri.port : 0,
    params: uri.params.filter(([name]) => name !== 'maddr' && name !== 'transport'),
  });
}

function hasParam(uri: SipUri, name: string): boolean {
  for (const [key] of uri.params) if (key.toLowerCase() === name) return true;
  return false;
}

function routeUri(value: string): string {
  const end = scanAddress(value, 0, value.length);
  return end === value.length ? value.slice(scanned.uriStart, scanned.uriEnd) : value;
}
