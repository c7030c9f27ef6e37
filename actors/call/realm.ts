/** Which of our realms a request belongs to (RFC 3261 22.1). */
import type { Self } from '../../src/proxy/self.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { parseUri } from '../../src/sip/uri.ts';

/** A caller proves itself to its own domain; a stranger is asked as if it were of our first. */
export function realmOf(request: SipMessage, self: Self): string {
  const uri = parseUri(request.method === 'REGISTER' ? request.to.uri : request.from.uri);
  return uri !== undefined && self.isDomain(uri.host) ? uri.host.toLowerCase() : self.defaultRealm;
}
