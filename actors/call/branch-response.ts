/** RFC 3261 16.7: what the transaction user does with the responses of its branches. */
import { limits } from '../../src/limits.ts';
import { bestOf, otherChallenges, upstreamStatus } from '../../src/proxy/best-response.ts';
import { hasViaBelow } from '../../src/proxy/response-flow.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import type { Failure } from '../../src/transaction/table.ts';
import { addressOf } from './address.ts';
import { cancelBranch, cancelOthers } from './cancel.ts';
import { noteReach, renewReach } from './reach.ts';
import { relay } from './respond.ts';
import { save } from './save.ts';
import { armTimerC, stopTimerC } from './timer-c.ts';
import { callerAccount, doubtWayBack } from './way.ts';
import type { Act } from './act.ts';
import type { Branch, Context } from './state.ts';

export function onBranchResponse(act: Act, branch: Branch, response: SipMessage): void {
  if (!hasViaBelow(response)) return onNoVia(act, branch, response);
  if (response.status < 200) onProvisional(act, branch, response);
  else if (response.status < 300) onSuccess(act, branch, response);
  else onRefusal(act, branch, response.status, response);
}

/** 16.7 step 3: it was answered as if we had asked for ourselves, and cannot be forwarded. The branch has failed by that. */
function onNoVia(act: Act, branch: Branch, response: SipMessage): void {
  act.turn.count('response-without-via');
  if (response.status >= 200 && branch.finalStatus === 0) onRefusal(act, branch, 502, undefined);
}

/** 16.7 step 1 and 16.8, 16.9: a branch without an answer counts as 408, one that cannot be reached as 503. */
export function onBranchFailure(act: Act, branch: Branch, what: Failure): void {
  if (branch.finalStatus !== 0) return;
  act.turn.count(`branch-${what}`);
  onRefusal(act, branch, what === 'timeout' ? 408 : 503, undefined);
}

function onProvisional(act: Act, branch: Branch, response: SipMessage): void {
  const { context } = branch;
  const first = !branch.provisional;
  branch.provisional = true;
  if (branch.cancelWanted) cancelBranch(act, branch);
  // 16.7 step 2: timer C is reset by 101 to 199.
  if (response.status > 100 && branch.timerCAtMs !== 0) armTimerC(act, branch);
  // 16.7 step 3: a 100 is hop by hop; nothing provisional after a final.
  if (response.status === 100) {
    // A new owner must know that this branch may be cancelled and need not be repeated.
    if (first && context.method === 'INVITE' && act.state.saved) act.turn.save('none');
    return;
  }
  // RFC 4320 4.1: nothing but 100 before the final response of any other method.
  if (context.finalStatus !== 0 || context.method !== 'INVITE') return;
  const early = response.toTag !== '' && noteDialog(act, branch, response, false);
  relay(act, context, response);
  if (first || early) save(act);
}

function onSuccess(act: Act, branch: Branch, response: SipMessage): void {
  const { context } = branch;
  const first = branch.finalStatus === 0;
  branch.finalStatus = response.status;
  act.hasAnswers = true;
  stopTimerC(act, branch);
  if (context.method === 'INVITE') {
    // 16.7 step 5: every 2xx to an INVITE goes back, whatever went before; the other branches are cancelled (step 10).
    const noted = !context.answeredBy.includes(response.toTag) && noteDialog(act, branch, response, true);
    if (noted || first) context.answeredBy = [...context.answeredBy, response.toTag];
    relay(act, context, response);
    act.turn.clearTimer(`N ${context.id}`);
    if (!first && !noted) {
      if (act.flow !== undefined) renewReach(act, response, act.flow);
      doubtWayBack(act, context);
    }
    cancelOthers(act, context, branch, 'SIP;cause=200;text="Call completed elsewhere"');
    endEarlyDialogs(act, context);
    if (first || noted) save(act);
    return;
  }
  if (context.finalStatus !== 0) return;
  if (context.method === 'BYE') endDialog(act, context);
  relay(act, context, response);
}

function onRefusal(act: Act, branch: Branch, status: number, response: SipMessage | undefined): void {
  const { context } = branch;
  branch.finalStatus = status;
  act.hasAnswers = true;
  branch.final = response;
  stopTimerC(act, branch);
  // 16.7 step 5: a 6xx speaks for the callee, wherever else it rings.
  if (status >= 600) cancelOthers(act, context, branch, '');
  const invite = context.method === 'INVITE';
  if (context.finalStatus === 0) {
    // Whoever gets its ACK does not say it again: a new owner must know it.
    if (invite) save(act);
    finishIfComplete(act, context);
  } else if (invite) endEarlyDialogs(act, context);
}

/** When the last branch has its answer, the dialogs of those that were not taken are over (12.3, 13.2.2.4). */
function endEarlyDialogs(act: Act, context: Context): void {
  for (const branch of context.branches) if (branch.finalStatus === 0) return;
  if (act.state.dialogs.removeEarly(context.request.fromTag)) act.turn.save('none');
}

/** 16.7 steps 5 to 9: when all branches have an answer and none went back yet, the best one does. */
export function finishIfComplete(act: Act, context: Context): void {
  if (context.finalStatus !== 0) return;
  for (const branch of context.branches) if (branch.finalStatus === 0) return;
  const best = context.branches[bestOf(context.branches.map((branch) => ({ status: branch.finalStatus })))];
  const invite = context.method === 'INVITE';
  if (invite) {
    act.turn.clearTimer(`N ${context.id}`);
    act.state.dialogs.removeEarly(context.request.fromTag);
  }
  // A challenged BYE comes again.
  if (context.method === 'BYE' && best?.finalStatus !== 401 && best?.finalStatus !== 407) endDialog(act, context);
  answerWith(act, context, best, invite);
  if (invite) save(act);
}

function answerWith(act: Act, context: Context, best: Branch | undefined, invite: boolean): void {
  const chosen = context.cancelled === 'caller' ? (terminated(context, best) ?? best) : best;
  const status = chosen?.finalStatus ?? 480;
  const given = chosen?.final;
  if (context.cancelled !== '' && (given === undefined || status === 487)) {
    // Nobody answered in time: ours to say (16.8). A call that was taken back ends with 487, also where nobody said so (9.2).
    if (context.cancelled === 'no-answer') return act.reply(context, 408);
    if (given === undefined) return act.reply(context, 487);
  }
  // RFC 4320 4.2: a 408 to a non-INVITE request comes too late to help, and is not sent.
  if (!invite && status === 408) return act.end({ tx: context.server, context, branch: undefined });
  if (given === undefined || upstreamStatus(status) !== status) return act.reply(context, upstreamStatus(status));
  const finals = context.branches.flatMap((branch) => (branch.final === undefined ? [] : [branch.final]));
  relay(act, context, given, otherChallenges(finals, finals.indexOf(given)));
}

/** Within the lowest class we may choose any (16.7 step 6): for a call that was taken back, the 487. */
function terminated(context: Context, best: Branch | undefined): Branch | undefined {
  if (best === undefined || best.finalStatus < 400 || best.finalStatus >= 500) return undefined;
  return context.branches.find((branch) => branch.finalStatus === 487);
}

/** True when this response made a dialog that was not known, confirmed one, or told another way to a party. */
function noteDialog(act: Act, branch: Branch, response: SipMessage, confirmed: boolean): boolean {
  const { context } = branch;
  const { dialogs } = act.state;
  const { request } = context;
  const answeredAtMs = confirmed ? act.turn.nowMs : 0;
  let dialog = dialogs.find(request.fromTag, response.toTag);
  let news = false;
  if (dialog === undefined) {
    // The answer to a re-INVITE that comes after the BYE brings nothing back to life.
    if (request.toTag !== '') return false;
    // A dialog whose BYE goes another way must not be listed for ever.
    if (dialogs.size === 0) act.turn.timer('L', act.turn.nowMs + limits.dialogMsMax);
    dialog = {
      fromTag: request.fromTag,
      toTag: response.toTag,
      from: addressOf(request.from.uri),
      to: addressOf(request.to.uri),
      startedAtMs: act.turn.nowMs,
      answeredAtMs,
      fromReach: undefined,
      toReach: undefined,
    };
    if (!dialogs.add(dialog)) return false;
    news = true;
  } else if (confirmed && dialog.answeredAtMs === 0) {
    dialog.answeredAtMs = answeredAtMs;
    news = true;
  } else if (!confirmed) return false;
  const isFirst = request.toTag === '';
  const callers = isFirst ? callerAccount(act, context) : undefined;
  if (noteReach(act, dialog, request.fromTag, request, context.flow, callers)) news = true;
  const callees = isFirst ? branch.account : undefined;
  if (act.flow !== undefined && noteReach(act, dialog, response.toTag, response, act.flow, callees)) news = true;
  return news;
}

/** 15.1.2: whatever the answer to a BYE, the dialog is over. */
function endDialog(act: Act, context: Context): void {
  const { request } = context;
  const dialog = act.state.dialogs.find(request.fromTag, request.toTag) ?? act.state.dialogs.onlyOneOf(request.fromTag);
  if (dialog === undefined) return;
  act.state.dialogs.remove(dialog);
  save(act);
}
