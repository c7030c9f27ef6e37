/** RFC 3261 16.6: one branch for each target, each with its own client transaction. */
import { limits } from '../../src/limits.ts';
import type { Flow } from '../../src/outside.ts';
import { HeaderId } from '../../src/sip/header/names.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { parseUri } from '../../src/sip/uri.ts';
import { ClientTransaction } from '../../src/transaction/machine.ts';
import { clientKey } from '../../src/transaction/key.ts';
import { destinationOf, isForbidden } from '../../src/proxy/destination.ts';
import type { NoRoute } from '../../src/proxy/destination.ts';
import { forwardRequest } from '../../src/proxy/forward.ts';
import type { RoutePlan } from '../../src/proxy/route-set.ts';
import type { Contact } from '../../src/routing/api.ts';
import { armTimerC, finishIfComplete, save } from './branch-response.ts';
import { loopHash } from './incoming.ts';
import type { Act } from './act.ts';
import type { Branch, Context } from './state.ts';

/** RFC 5393 5.3.2: what a request without Max-Breadth may fork. */
const maxBreadthDefault = 60;

export function startBranches(act: Act, context: Context, contacts: readonly Contact[]): void {
  const { request } = context;
  const invite = request.method === 'INVITE';
  const targets = contacts.slice(0, limits.branchesPerRequestMax);
  const breadth = breadthOf(request);
  if (breadth < targets.length) return act.reply(context, 440);
  if (invite) {
    context.noAnswerAtMs = act.turn.nowMs + act.deps.noAnswerMs;
    act.turn.timer(`N ${context.id}`, context.noAnswerAtMs);
    act.trying(context);
  }
  const share = targets.length > 1 || request.has(HeaderId.MaxBreadth) ? Math.floor(breadth / targets.length) : -1;
  for (const contact of targets) startBranch(act, context, contact, share);
  if (invite) save(act);
  finishIfComplete(act, context);
}

function startBranch(act: Act, context: Context, contact: Contact, share: number): void {
  const { request, plan } = context;
  const index = context.branches.length;
  const copy = prepare(act, request, context.flow, plan, contact, context.server.key, index, share, context.user !== '');
  const kind = request.method === 'INVITE' ? 'invite-client' : 'client';
  if (typeof copy === 'string') {
    // Nowhere to send it: the branch ends before it begins.
    const tx = new ClientTransaction(kind, `none ${context.id} ${index}`, context.flow);
    tx.state = 'terminated';
    context.branches.push({ ...emptyBranch(context, index, tx), finalStatus: statusOf(copy) });
    return;
  }
  const branch = emptyBranch(context, index, new ClientTransaction(kind, clientKey(copy.branch, request.method), copy.flow));
  context.branches.push(branch);
  act.begin({ tx: branch.tx, context, branch }, copy.bytes);
  if (kind === 'invite-client') armTimerC(act, branch);
}

function emptyBranch(context: Context, index: number, tx: ClientTransaction): Branch {
  return { context, index, tx, provisional: false, cancelWanted: false, cancel: undefined, finalStatus: 0, final: undefined, timerCAtMs: 0 };
}

interface Copy {
  readonly flow: Flow;
  readonly branch: string;
  readonly bytes: Buffer;
}

/** The copy for one target and where it goes. The branch comes out the same on any node (identifiers.ts). */
export function prepare(
  act: Act, request: SipMessage, source: Flow, plan: RoutePlan, contact: Contact,
  identity: string, index: number, maxBreadth: number, stripProxyCredentials: boolean,
): Copy | NoRoute {
  const { self, identifiers } = act.deps;
  const { partition } = act.turn;
  const hop = plan.nextRoute ?? parseUri(contact.path.length > 0 ? routeText(contact.path[0] ?? '') : contact.uri);
  if (hop === undefined) return 'unsupported-scheme';
  const flow = contact.flow !== undefined && plan.nextRoute === undefined && contact.path.length === 0 ? contact.flow : destinationOf(hop, self, source.listener);
  if (typeof flow === 'string') return flow;
  const outbound = self.listeners[flow.listener];
  const inbound = self.listeners[source.listener];
  if (outbound === undefined || inbound === undefined) return 'unsupported-transport';
  if (isForbidden(flow.address)) return 'forbidden-address';
  // A packet to our own socket would come back to us: what is meant for us was handled before.
  if (flow.connection === '' && self.isSocket(flow.address.includes(':') ? `[${flow.address}]` : flow.address, flow.port)) return 'forbidden-address';
  const branch = identifiers.branch(partition, loopHash(act, request), `${act.state.callId}\0${request.cseq}\0${identity}`, index);
  const bytes = forwardRequest(request, {
    plan,
    source,
    requestUri: contact.uri,
    path: contact.path,
    recordRoute: makesDialog(request.method) ? { inbound, outbound, proof: identifiers.routeProof(partition, act.state.callId) } : undefined,
    listener: outbound,
    branch,
    maxBreadth,
    stripProxyCredentials,
  });
  return { flow, branch, bytes };
}

function routeText(value: string): string {
  const open = value.indexOf('<');
  const close = value.indexOf('>', open);
  return open >= 0 && close > open ? value.slice(open + 1, close) : value;
}

/** 16.6 step 4: requests that make or refresh a dialog; later ones follow the route that was recorded then. */
function makesDialog(method: string): boolean {
  return method === 'INVITE' || method === 'SUBSCRIBE' || method === 'NOTIFY' || method === 'REFER' || method === 'UPDATE';
}

function statusOf(reason: NoRoute): number {
  switch (reason) {
    case 'unsupported-scheme':
      return 416;
    case 'unsupported-transport':
      return 503;
    case 'forbidden-address':
      return 403;
  }
}

/** Max-Breadth of a request, 60 when it has none or not a number we accept. */
function breadthOf(request: SipMessage): number {
  const text = request.header(HeaderId.MaxBreadth);
  if (text === undefined) return maxBreadthDefault;
  const value = Number(text);
  return Number.isInteger(value) && value >= 0 ? Math.min(value, maxBreadthDefault) : maxBreadthDefault;
}
