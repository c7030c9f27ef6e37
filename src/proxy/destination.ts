/**
 * From a URI to the place where the packet goes (RFC 3261 16.6 step 7, RFC 3263 for the cases that need no DNS service
 * records): transport by parameter, else UDP; port by URI, else 5060. A host name stays a name in `Flow.address`; the
 * socket layer resolves it when it sends.
 */
import type { Flow, Protocol } from '../outside.ts';
import { hostKind } from '../registrar/address.ts';
import { uriParam } from '../sip/uri.ts';
import type { SipUri } from '../sip/uri.ts';
import type { Self } from './self.ts';

export type NoRoute = 'unsupported-scheme' | 'unsupported-transport' | 'forbidden-address';

export function destinationOf(uri: SipUri, self: Self, preferredListener: number): Flow | NoRoute {
  if (uri.scheme === 'tel' || uri.scheme === 'sips') return 'unsupported-scheme';
  const protocol = protocolOf(uri);
  if (protocol === undefined) return 'unsupported-transport';
  const listener = self.listenerFor(protocol, preferredListener);
  if (listener < 0) return 'unsupported-transport';
  const host = uriParam(uri, 'maddr') ?? uri.host;
  const address = host.startsWith('[') ? host.slice(1, -1) : host;
  if (isForbidden(address)) return 'forbidden-address';
  return { protocol, listener, address, port: uri.port === 0 ? 5060 : uri.port, connection: '' };
}

function protocolOf(uri: SipUri): Protocol | undefined {
  const transport = uriParam(uri, 'transport');
  if (transport === undefined) return 'udp';
  const name = transport.toLowerCase();
  return name === 'udp' || name === 'tcp' ? name : undefined;
}

/**
 * No request of ours goes to the unspecified address, broadcast or multicast: nobody there can be one user's phone. Nor to
 * numbers that are no address but that a resolver would take for one (`224.1`).
 */
export function isForbidden(address: string): boolean {
  switch (hostKind(address)) {
    case 'unspecified':
    case 'multicast':
    case 'broadcast':
    case 'reserved':
    case 'malformed':
      return true;
    default:
      return false;
  }
}
