/** RFC 3261 16.6: one branch for each target, each with its own client transaction. */
import { limits } from '../../src/limits.ts';
import type { Flow } from '../../src/outside.ts';
import { HeaderId } from '../../src/sip/header/names.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { parseUri, uriEquals } from '../../src/sip/uri.ts';
import { ClientTransaction } from '../../src/transaction/machine.ts';
import { clientKey } from '../../src/transaction/key.ts';
import type { NoRoute } from '../../src/proxy/destination.ts';
import type { Contact } from '../../src/routing/api.ts';
import { finishIfComplete } from './branch-response.ts';
import { prepare } from './copy.ts';
import { realmOf } from './realm.ts';
import { save } from './save.ts';
import { armTimerC } from './timer-c.ts';
import type { Act } from './act.ts';
import type { Branch, Context } from './state.ts';

/** RFC 5393 5.3.2: what a request without Max-Breadth may fork. */
const maxBreadthDefault = 60;

export function startBranches(act: Act, context: Context, contacts: readonly Contact[]): void {
  const { request } = context;
  const invite = request.method === 'INVITE';
  // 16.3 step 3; a REGISTER that stays here was allowed in with 0.
  if (request.maxForwards === 0) return act.reply(context, 483);
  const targets = distinct(contacts).slice(0, limits.branchesPerRequestMax);
  const breadth = breadthOf(request);
  if (breadth < targets.length) return act.reply(context, 440);
  if (invite) {
    context.noAnswerAtMs = act.turn.nowMs + act.deps.noAnswerMs;
    act.turn.timer(`N ${context.id}`, context.noAnswerAtMs);
    act.trying(context);
  }
  const share = targets.length > 1 || request.has(HeaderId.MaxBreadth) ? Math.floor(breadth / targets.length) : -1;
  for (const contact of targets) startBranch(act, context, contact, share);
  // On a stream nobody repeats a request that was lost with its node.
  if (invite || context.flow.protocol !== 'udp') save(act);
  finishIfComplete(act, context);
}

/** 16.5: a target is in the set only once; by another Path it is another target. */
function distinct(contacts: readonly Contact[]): readonly Contact[] {
  if (contacts.length === 1) return contacts;
  return contacts.filter((each, index) => {
    const first = contacts.findIndex((other) => sameTarget(each, other));
    return first === index;
  });
}

function sameTarget(a: Contact, b: Contact): boolean {
  if (a.path.join() !== b.path.join() || !sameFlow(a.flow, b.flow)) return false;
  if (a.uri === b.uri) return true;
  const [first, second] = [parseUri(a.uri), parseUri(b.uri)];
  return first !== undefined && second !== undefined && uriEquals(first, second);
}

function sameFlow(a: Flow | undefined, b: Flow | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.protocol === b.protocol && a.address === b.address && a.port === b.port && a.connection === b.connection;
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
    context.user === '' ? '' : realmOf(request, act.deps.self),
  );
  const kind = request.method === 'INVITE' ? 'invite-client' : 'client';
  if (typeof copy === 'string') {
    // Nowhere to send it: the branch ends before it begins.
    const tx = new ClientTransaction(kind, `none ${context.id} ${index}`, context.flow);
    tx.state = 'terminated';
    add(context, { ...emptyBranch(context, index, tx, ''), finalStatus: statusOf(copy) });
    return;
  }
  const branch = emptyBranch(
    context,
    index,
    new ClientTransaction(kind, clientKey(copy.branch, request.method), copy.flow),
    contact.account ?? '',
  );
  add(context, branch);
  act.begin({ tx: branch.tx, context, branch }, copy.bytes);
  if (kind === 'invite-client') armTimerC(act, branch);
}

/** Most requests have one: an array that is pushed to takes room for seventeen. */
function add(context: Context, branch: Branch): void {
  context.branches = context.branches.length === 0 ? [branch] : [...context.branches, branch];
}

function emptyBranch(context: Context, index: number, tx: ClientTransaction, account: string): Branch {
  return {
    context,
    index,
    tx,
    account,
    provisional: false,
    cancelWanted: false,
    cancelReason: '',
    cancel: undefined,
    finalStatus: 0,
    final: undefined,
    timerCAtMs: 0,
    cancelAtMs: 0,
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
