/** Packets for a call: which transaction they belong to, and what a new request means (RFC 3261 16.3 to 16.6, 17.2.3). */
import type { Flow } from '../../src/outside.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import type { RoutePlan } from '../../src/proxy/route-set.ts';
import { fork as forkTo, locate, reply } from '../../src/routing/api.ts';
import type { Service } from '../../src/routing/api.ts';
import { eventOf } from '../../src/transaction/event.ts';
import { hasMagicCookie, isAckFor, serverKey } from '../../src/transaction/key.ts';
import { forwardAck } from './ack.ts';
import { onCancel } from './cancel-request.ts';
import { openContext } from './context.ts';
import { runService } from './decide.ts';
import { startBranches } from './fork.ts';
import { isLoop } from './loop.ts';
import { readAgain } from './read-again.ts';
import { renewReach, wayTo } from './reach.ts';
import { follow } from './way.ts';
import type { Act } from './act.ts';
import type { Context } from './state.ts';

export function onSip(act: Act, message: SipMessage, flow: Flow): void {
  act.message = message;
  act.flow = flow;
  if (!message.isRequest) {
    const owner = act.state.owners.ofResponse(message);
    // RFC 3261 18.1.2, 16.7: a response of no transaction of ours is nobody's.
    if (owner === undefined) act.turn.count('stray-response');
    else {
      follow(owner.tx, flow);
      act.step(owner, eventOf(message));
    }
    return;
  }
  const key = serverKey(message);
  const owner = act.state.owners.get(key);
  if (message.method === 'ACK') onAck(act, message, flow, key, owner === undefined ? undefined : owner.context);
  else if (owner !== undefined) act.step(owner, eventOf(message));
  else if (message.method === 'CANCEL') onCancel(act, message, flow, key);
  else onNewRequest(act, message, flow, key);
}

/** An ACK to a non-2xx ends at the INVITE's transaction; an ACK to a 2xx is a request of its own that is never answered. */
function onAck(act: Act, ack: SipMessage, flow: Flow, key: string, context: Context | undefined): void {
  if (context !== undefined && context.finalStatus >= 300 && isOurs(ack, context)) {
    act.step({ tx: context.server, context, branch: undefined }, 'ACK');
    // Whoever takes over need not repeat what was acknowledged; nobody waits for that.
    if (act.state.saved) act.turn.save('none');
    return;
  }
  forwardAck(act, ack, flow, key);
}

/** 17.2.3: an RFC 2543 client says by the tag of our response which answer it means. */
function isOurs(ack: SipMessage, context: Context): boolean {
  if (hasMagicCookie(ack.topVia.branch)) return true;
  const response = readAgain(context.server.lastResponse);
  return response !== undefined && isAckFor(ack, response.toTag);
}

function onNewRequest(act: Act, request: SipMessage, flow: Flow, key: string): void {
  const context = openContext(act, request, flow, key);
  if (context === undefined) return;
  route(act, context);
}

/** Decides where a request goes. Also for one that was waiting for its decision when its node was lost. */
export function route(act: Act, context: Context): void {
  const { request, plan } = context;
  // RFC 5393 4.2: the same request, to be routed by the same fields, was here before.
  if (isLoop(request)) return act.reply(context, 482);
  if (request.toTag === '' || request.method === 'REGISTER') return runService(act, context, act.deps.service);
  // RFC 3261 12.2.2: a request inside a dialog that is none of ours.
  if (!plan.proven && act.state.dialogs.find(request.fromTag, request.toTag) === undefined)
    return act.reply(context, 481);
  renewReach(act, request, context.flow);
  const way = wayTo(act, request, plan.requestUri);
  if (way === undefined && needsLocation(act, plan)) return runService(act, context, toOwner);
  startBranches(act, context, [{ uri: plan.requestUri, flow: way?.flow, path: [], account: way?.account ?? '' }]);
}

/** An in-dialog request whose target is an address-of-record of ours, as phones behind no proxy of their own send it. */
const toOwner: Service = function* (request) {
  if (request.target === '') return reply(404);
  const { contacts } = yield* locate(request.target);
  return contacts.length === 0 ? reply(480) : forkTo(contacts);
};

function needsLocation(act: Act, plan: RoutePlan): boolean {
  if (plan.nextRouteText !== '') return false;
  const { uri } = plan;
  return uri !== undefined && act.deps.self.isResponsible(uri);
}
