/**
 * How the phones of a dialog are reached when their Contact does not lead to them: behind a NAT, or on a stream that only
 * they can open. Then requests inside the dialog go back the way the phone's own messages came (RFC 3261 16.6 step 7 leaves
 * the choice of the next hop to us; for registered phones src/registrar/target.ts makes the same choice).
 */
import type { Flow } from '../../src/outside.ts';
import { hasViaBelow } from '../../src/proxy/response-flow.ts';
import { hostKind, sameAddress } from '../../src/registrar/address.ts';
import { HeaderId } from '../../src/sip/header/names.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { parseUri } from '../../src/sip/uri.ts';
import { packFlow, unpackFlow } from '../envelope.ts';
import type { Act } from './act.ts';
import type { Dialog } from './dialogs.ts';

export interface Reach {
  /** The Contact as it comes back in Request-URIs. */
  readonly uri: string;
  readonly flow: Flow;
  /** The address-of-record that is asked for another way when this one is gone, '' when there is none (way.ts). */
  readonly account: string;
}

/**
 * What a request or a response of the party `tag` tells about the way to it. True when that is news. `account` is what the
 * request that made the dialog says; later ones leave it as it was.
 */
export function noteReach(
  act: Act,
  dialog: Dialog,
  tag: string,
  message: SipMessage,
  flow: Flow,
  account: string | undefined,
): boolean {
  const before = tag === dialog.fromTag ? dialog.fromReach : dialog.toReach;
  const reach = reachOf(act, message, flow, account ?? before?.account ?? '');
  if (reach === undefined || (before !== undefined && before.uri === reach.uri && sameWay(before.flow, flow)))
    return false;
  if (tag === dialog.fromTag) dialog.fromReach = reach;
  else dialog.toReach = reach;
  return true;
}

/** The way to the other party than the sender of this request, when it is the one that the Request-URI names. */
export function wayTo(act: Act, request: SipMessage, requestUri: string): Reach | undefined {
  const dialog = act.state.dialogs.find(request.fromTag, request.toTag);
  if (dialog === undefined) return undefined;
  const reach = request.fromTag === dialog.fromTag ? dialog.toReach : dialog.fromReach;
  return reach !== undefined && reach.uri === requestUri ? reach : undefined;
}

/** A phone speaks over another connection than before: that is the way to it from now on. */
export function renewReach(act: Act, message: SipMessage, flow: Flow): void {
  const dialog = act.state.dialogs.find(message.fromTag, message.toTag);
  if (dialog === undefined) return;
  const speaker = message.isRequest ? message.fromTag : message.toTag;
  const isCaller = speaker === dialog.fromTag;
  const reach = isCaller ? dialog.fromReach : dialog.toReach;
  if (reach === undefined || sameWay(reach.flow, flow) || !isNeighbour(act, message)) return;
  if (isCaller) dialog.fromReach = { ...reach, flow };
  else dialog.toReach = { ...reach, flow };
  act.turn.save('none');
}

export function packReach(reach: Reach | undefined): unknown {
  return reach === undefined ? null : [reach.uri, packFlow(reach.flow), reach.account];
}

export function unpackReach(packed: unknown): Reach | undefined {
  if (!Array.isArray(packed)) return undefined;
  const [uri, flow, account] = packed as [string, unknown, unknown];
  const way = unpackFlow(flow);
  return way === undefined ? undefined : { uri, flow: way, account: typeof account === 'string' ? account : '' };
}

/** Undefined when the Contact can be dialled, or when the party is not the neighbour that the message came from. */
function reachOf(act: Act, message: SipMessage, flow: Flow, account: string): Reach | undefined {
  const { contacts } = message;
  const contact = contacts === '*' ? undefined : contacts[0];
  if (contact === undefined || !needsFlow(act, contact.uri, flow)) return undefined;
  return isNeighbour(act, message) ? { uri: contact.uri, flow, account } : undefined;
}

function needsFlow(act: Act, contact: string, flow: Flow): boolean {
  if (flow.protocol !== 'udp') return true;
  if (namesHost(contact, flow.address)) return false;
  const uri = parseUri(contact);
  if (uri === undefined || uri.host === flow.address) return false;
  // A Contact at our own domain means the phone's account, not the phone.
  if (act.deps.self.isResponsible(uri)) return true;
  return hostKind(uri.host) !== 'name' && !sameAddress(uri.host, flow.address);
}

/** Most Contacts do, and need not be taken apart for that. False: perhaps in other words. */
export function namesHost(contact: string, address: string): boolean {
  const mark = contact.indexOf('@');
  const start = mark >= 0 ? mark + 1 : contact.startsWith('sip:') ? 4 : 0;
  if (start === 0 || !contact.startsWith(address, start)) return false;
  const end = start + address.length;
  const after = contact.charCodeAt(end);
  return end === contact.length || after === 0x3a || after === 0x3b || after === 0x3f;
}

/** No proxy stands between: a request has one Via, a response has our Record-Route on top. */
function isNeighbour(act: Act, message: SipMessage): boolean {
  if (message.isRequest) return !hasViaBelow(message);
  return message.header(HeaderId.RecordRoute)?.includes(act.proof) === true;
}

function sameWay(a: Flow, b: Flow): boolean {
  return a.connection === b.connection && a.port === b.port && a.address === b.address && a.protocol === b.protocol;
}
