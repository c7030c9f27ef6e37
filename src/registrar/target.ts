/**
 * Where a request to a registered contact is sent: RFC 3261 16.6 items 2 and 6, RFC 3327 5.2, RFC 5626 5.3.
 * The way back over which the REGISTER came is taken when the Contact cannot be the truth about where the phone is: that serves phones
 * behind NATs, and it keeps a contact that names somebody else's address (or a port of our own) from being dialled.
 */
import type { SipUri } from '../sip/uri.ts';
import { parseUri } from '../sip/uri.ts';
import { hostKind, sameAddress } from './address.ts';
import type { Binding } from './bindings.ts';

export interface Destination {
  /** The Request-URI: the contact without `?headers` and `;method=`, which have no place there (RFC 3261 19.1.1 table 1). */
  readonly requestUri: string;
  /** Route values, topmost first: the Path of the registration. */
  readonly route: readonly string[];
  /** Send over this flow; undefined: resolve the first route, or the Request-URI when there is no route (RFC 3263). */
  readonly flow: Binding['flow'] | undefined;
}

export function destinationOf(binding: Binding): Destination {
  const requestUri = asRequestUri(binding.uri);
  // With a Path the flow ends at the last proxy before us; its URI says how to reach it, and RFC 5626 5.3 has it find the flow.
  if (binding.path.length > 0) return { requestUri, route: binding.path, flow: undefined };
  return { requestUri, route: noRoute, flow: needsFlow(binding, parseUri(binding.uri)) ? binding.flow : undefined };
}

/** Whether only the flow leads to the phone. */
function needsFlow(binding: Binding, uri: SipUri | undefined): boolean {
  // A stream leads to the phone as long as it stands, and a phone seldom listens for connections. RFC 5626 5.3: an outbound flow always.
  if (binding.flow.protocol !== 'udp' || binding.regId > 0 || uri === undefined) return true;
  // A host name is the phone's own wish, and a public one; it is resolved. All that is an address must be the sender's own.
  return hostKind(uri.host) !== 'name' && !sameAddress(uri.host, binding.flow.address);
}

/**
 * The contact as it may stand in a request line. Cut by text and not rebuilt, so that everything else stays as the phone wrote it.
 * Headers are dropped, never turned into header fields: a contact must not be able to put a Route into other people's requests.
 */
function asRequestUri(uri: string): string {
  const afterUser = uri.lastIndexOf('@') + 1;
  const headers = uri.indexOf('?', afterUser);
  const plain = headers < 0 ? uri : uri.slice(0, headers);
  const firstParam = plain.indexOf(';', afterUser);
  if (firstParam < 0) return plain;
  let kept = plain.slice(0, firstParam);
  for (const param of plain.slice(firstParam + 1).split(';')) {
    const equals = param.indexOf('=');
    const name = equals < 0 ? param : param.slice(0, equals);
    if (name.toLowerCase() !== 'method') kept += `;${param}`;
  }
  return kept;
}

const noRoute: readonly string[] = [];
