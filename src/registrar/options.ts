/** Option tags and Path of a REGISTER: what it requires, what it supports, whether RFC 5626 outbound can work on the way it took. */
import { limits } from '../limits.ts';
import { parseAddress } from '../sip/header/address.ts';
import { HeaderId } from '../sip/header/names.ts';
import type { SipMessage } from '../sip/message.ts';
import { parseUri, uriParam } from '../sip/uri.ts';

/** The options that a registrar understands, beside those that ask nothing of it. */
const understood: readonly string[] = ['path', 'outbound'];

/** Value for Unsupported: the required options that we do not understand, '' when there are none (RFC 3261 8.2.2.3). */
export function unsupportedOptions(request: SipMessage): string {
  if (!request.has(HeaderId.Require)) return '';
  return request
    .values(HeaderId.Require)
    .filter((option) => !understood.includes(option.toLowerCase()))
    .join(', ');
}

/** Whether the list header `id` names `option`. */
export function hasOption(request: SipMessage, id: HeaderId, option: string): boolean {
  if (!request.has(id)) return false;
  for (const value of request.values(id)) {
    if (value.toLowerCase() === option) return true;
  }
  return false;
}

/**
 * The Path values of a REGISTER, topmost first; undefined when there are too many or one is not a SIP address. They will be Route values
 * of other people's requests, so nothing unread is kept.
 */
export function readPath(request: SipMessage): readonly string[] | undefined {
  if (!request.has(HeaderId.Path)) return noPath;
  const values = request.values(HeaderId.Path);
  if (values.length > limits.pathValuesMax) return undefined;
  for (const value of values) {
    const address = parseAddress(value);
    const uri = address === undefined || !value.includes('<') ? undefined : parseUri(address.uri);
    if (uri === undefined || uri.scheme === 'tel') return undefined;
  }
  return values;
}

const noPath: readonly string[] = [];

/**
 * RFC 5626 6: a flow reaches the phone only if we are its first hop, or if the first hop said by `ob` in its Path that it keeps the
 * flow. Otherwise a reg-id is not used: 439 for those who require outbound, plain registration for the others (phones that offer
 * outbound by default would never come in again after a 439).
 */
export function outboundUsable(request: SipMessage, path: readonly string[]): boolean {
  if (request.values(HeaderId.Via).length <= 1) return true;
  const firstHop = path[path.length - 1];
  const address = firstHop === undefined ? undefined : parseAddress(firstHop);
  const uri = address === undefined ? undefined : parseUri(address.uri);
  return uri !== undefined && uriParam(uri, 'ob') !== undefined;
}
