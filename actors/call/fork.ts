/** RFC 3261 16.6: one branch for each target, each with its own client transaction. */
import { limits } from '../../src/limits.ts';
import { HeaderId } from '../../src/sip/header/names.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { ClientTransaction } from '../../src/transaction/machine.ts';
import { clientKey } from '../../src/transaction/key.ts';
import type { NoRoute } from '../../src/proxy/destination.ts';
import type { Contact } from '../../src/routing/api.ts';
import { finishIfComplete } from './branch-response.ts';
import { prepare } from './copy.ts';
import { save } from './save.ts';
import { armTimerC } from './timer-c.ts';
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
  const copy = prepare(
    act,
    request,
    context.flow,
    plan,
    contact,
    context.server.key,
    index,
    share,
    context.user !== '',
  );
  const kind = request.method === 'INVITE' ? 'invite-client' : 'client';
  if (typeof copy === 'string') {
    // Nowhere to send it: the branch ends before it begins.
    const tx = new ClientTransaction(kind, `none ${context.id} ${index}`, context.flow);
    tx.state = 'terminated';
    context.branches.push({ ...emptyBranch(context, index, tx), finalStatus: statusOf(copy) });
    return;
  }
  const branch = emptyBranch(
    context,
    index,
    new ClientTransaction(kind, clientKey(copy.branch, request.method), copy.flow),
  );
  context.branches.push(branch);
  act.begin({ tx: branch.tx, context, branch }, copy.bytes);
  if (kind === 'invite-client') armTimerC(act, branch);
}

function emptyBranch(context: Context, index: number, tx: ClientTransaction): Branch {
  return {
    context,
    index,
    tx,
    provisional: false,
    cancelWanted: false,
    cancel: undefined,
    finalStatus: 0,
    final: undefined,
    timerCAtMs: 0,
  };
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
