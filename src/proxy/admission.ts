/**
 * What can be answered without any state, wherever the packet arrived: RFC 3261 16.3 (a proxy's validation) and 8.2.1-8.2.2,
 * 11.2 (OPTIONS to ourselves). Syntax was checked by the parser before.
 */
import type { SipMessage } from '../sip/message.ts';
import { HeaderId } from '../sip/header/names.ts';
import { planRoute } from './route-set.ts';
import type { Self } from './self.ts';

export interface Answer {
  readonly status: number;
  readonly reason: string | undefined;
  readonly headers: readonly (readonly [string, string])[];
}

const allow =
  'INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, PRACK, UPDATE, INFO, REFER, SUBSCRIBE, NOTIFY, MESSAGE, PUBLISH';
const capabilities: readonly (readonly [string, string])[] = [
  ['Allow', allow],
  ['Accept', '*/*'],
  ['Accept-Encoding', 'identity'],
  ['Supported', 'path'],
];
const none: readonly (readonly [string, string])[] = [];
/** Option tags that a registrar of ours understands (RFC 3327). */
const registrarOptions: ReadonlySet<string> = new Set(['path']);

/** The stateless answer to a request, or undefined when it is to be processed. Not for ACK, which is never answered. */
export function admit(request: SipMessage, self: Self): Answer | undefined {
  // RFC 3261 16.3 step 2 and 8.2.2.1: a scheme we do not understand.
  const uri = request.uri;
  if (uri === undefined) return answer(416);

  // Whatever the port: sipsak leaves its last digit out. A request without a user that came here asks about us.
  if (request.method === 'OPTIONS' && uri.user === '' && self.isHost(uri.host) && endsHere(request, self)) {
    const unsupported =
      unsupportedOptions(request, HeaderId.Require, noOptions) ||
      unsupportedOptions(request, HeaderId.ProxyRequire, noOptions);
    if (unsupported !== '') return answer(420, [['Unsupported', unsupported]]);
    return answer(200, capabilities);
  }
  // RFC 3261 16.3 step 3. CANCEL is hop by hop and answered by its transaction.
  if (request.maxForwards === 0 && request.method !== 'REGISTER' && request.method !== 'CANCEL') return answer(483);
  // RFC 3261 16.3 step 5: a proxy checks Proxy-Require; whoever is the end of the request checks Require (8.2.2.3).
  const proxyRequire = unsupportedOptions(request, HeaderId.ProxyRequire, noOptions);
  if (proxyRequire !== '' && request.method !== 'CANCEL') return answer(420, [['Unsupported', proxyRequire]]);
  if (request.method === 'REGISTER') {
    const require = unsupportedOptions(request, HeaderId.Require, registrarOptions);
    if (require !== '') return answer(420, [['Unsupported', require]]);
    // RFC 3261 10.3: the To header field of a REGISTER must be a SIP or SIPS URI.
    const to = request.toUri;
    if (to === undefined || to.scheme === 'tel') return answer(400, none, 'To Is Not A SIP Address');
  }
  return undefined;
}

/** No Route, or routes that all name us, as phones with an outbound proxy send them. */
function endsHere(request: SipMessage, self: Self): boolean {
  if (!request.has(HeaderId.Route)) return true;
  const plan = planRoute(request, self, '', -1);
  return plan.nextRouteText === '' && !plan.repaired;
}

const noOptions: ReadonlySet<string> = new Set();

function unsupportedOptions(request: SipMessage, header: HeaderId, known: ReadonlySet<string>): string {
  if (!request.has(header)) return '';
  let list = '';
  for (const tag of request.values(header)) {
    if (tag === '' || known.has(tag.toLowerCase())) continue;
    list = list === '' ? tag : `${list}, ${tag}`;
  }
  return list;
}

function answer(status: number, headers: readonly (readonly [string, string])[] = none, reason?: string): Answer {
  return { status, reason, headers };
}
