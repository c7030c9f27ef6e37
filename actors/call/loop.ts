/** Loop detection: RFC 3261 16.3 step 4 as RFC 5393 4.2 has it. A spiral (other routing fields) is no loop. */
import { HeaderId } from '../../src/sip/header/names.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { Identifiers, branchPrefix } from '../../src/proxy/identifiers.ts';

export function isLoop(request: SipMessage): boolean {
  // Nearly no request was here before: then its Vias need not be taken apart.
  if (!request.head.includes(branchPrefix)) return false;
  let mine = '';
  for (const via of request.values(HeaderId.Via)) {
    const at = via.indexOf(branchPrefix);
    if (at < 0) continue;
    if (mine === '') mine = loopHash(request);
    if (Identifiers.loopOf(via.slice(at)) === mine) return true;
  }
  return false;
}

/** All that decides where the request goes (RFC 5393 4.2.1), hashed. */
export function loopHash(request: SipMessage): string {
  let fields = `${request.requestUri}\0${request.fromTag}\0${request.toTag}\0${request.callId}\0${request.cseq} ${request.method}`;
  if (request.has(HeaderId.Route)) fields = `${fields}\0${request.values(HeaderId.Route).join('\0')}`;
  return Identifiers.loop(fields);
}
