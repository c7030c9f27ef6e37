/** The call actor: everything that carries one Call-ID (INVITE and all other requests but REGISTER). */
import { limits } from '../../src/limits.ts';
import type { Asker, Behaviour, Input, Turn } from '../entity.ts';
import { packHolds, unpackDoubt } from '../limit/questions.ts';
import { destroy, resume } from '../../src/transaction/machine.ts';
import { takeoverGraceMs, timerCMs, transactionTimeoutMs } from '../../src/transaction/timers.ts';
import type { TimerName } from '../../src/transaction/timers.ts';
import { Act } from './act.ts';
import { addressOf } from './address.ts';
import { onBranchFailure } from './branch-response.ts';
import { cancelAll, cancelBranch } from './cancel.ts';
import { onAnswer, onAskFailed } from './decide.ts';
import type { CallDeps } from './deps.ts';
import { endsAtMs } from './ended.ts';
import { armClaims, holdsPlace, onClaimTimer, settleHolds } from './holds.ts';
import { onSip, route } from './incoming.ts';
import { packCall, unpackCall } from './snapshot.ts';
import { newCall } from './state.ts';
import type { CallState } from './state.ts';
import { awaitsPeer, isAnswered } from './streams.ts';
import { onWayTimer, watch } from './way.ts';

export interface CallView {
  readonly callId: string;
  readonly from: string;
  readonly to: string;
  readonly state: 'calling' | 'ringing' | 'established';
  /** Cluster time in milliseconds. */
  readonly startedAtMs: number;
  /** 0 before the answer. */
  readonly answeredAtMs: number;
}

export function callBehaviour(deps: CallDeps): Behaviour<CallState> {
  return {
    create: newCall,
    receive: (state, input, turn) => receive(state, input, turn, deps),
    pack: packCall,
    unpack: (callId, packed, turn) => takeUp(callId, packed, turn, deps),
    isIdle: (state) => state.contexts.size === 0,
    endsAtMs,
    passivateAfterMs: limits.passivateSoonMs,
    describe: (state) =>
      `call ${state.callId} contexts ${state.contexts.size} dialogs ${state.dialogs.size}${placesText(state)}`,
    view: (state) => view(state, deps.noAnswerMs),
  };
}

function placesText({ holds }: CallState): string {
  return holds.length === 0 ? '' : ` places ${holds.map(({ name, state }) => `${name} ${state}`).join(', ')}`;
}

function receive(state: CallState, input: Input, turn: Turn, deps: CallDeps): void {
  const act = new Act(state, turn, deps);
  switch (input.type) {
    case 'sip':
      onSip(act, input.message, input.flow);
      break;
    case 'timer':
      onTimer(act, input.name);
      break;
    case 'answer':
      onAnswer(act, input.id, input.body);
      break;
    case 'ask-failed':
      onAskFailed(act, input.id);
      break;
    case 'undelivered':
      act.undelivered(input.token);
      break;
    case 'ask':
      onDoubt(state, input.asker, input.body, turn);
      break;
    case 'tell':
      turn.count('call-unknown-tell');
      break;
  }
  act.rest();
  if (state.holds.length > 0) settleHolds(act);
  if (state.contexts.size === 0 && state.dialogs.size === 0 && state.holds.length === 0) turn.stop();
}

/** A counter has not heard of this call for long. No answer is an answer to what newer nodes may ask: their ask fails. */
function onDoubt(state: CallState, asker: Asker, body: unknown, turn: Turn): void {
  const doubt = unpackDoubt(body);
  if (doubt === undefined) turn.count('call-unknown-ask');
  else turn.answer(asker, packHolds(holdsPlace(state, doubt.name, doubt.tag)));
}

/** `<letter> <key>`: a transaction's own timer, or C, X of a branch, N of a context; L, P, R and W of the whole call. */
function onTimer(act: Act, name: string): void {
  const letter = name.slice(0, 1);
  const key = name.slice(2);
  if (letter === 'N') return onNoAnswer(act, Number(key));
  if (name === 'L') return forgetOldDialogs(act);
  if (name === 'P') return onClaimTimer(act);
  if (name === 'R') return repeatOnStreams(act);
  if (name === 'W') return onWayTimer(act);
  const owner = act.state.owners.get(key);
  if (owner === undefined) return;
  if (letter !== 'C' && letter !== 'X') return act.step(owner, letter as TimerName);
  const { branch } = owner;
  if (branch === undefined || branch.finalStatus !== 0) return;
  if (letter === 'C' && branch.provisional && branch.cancel === undefined) {
    // RFC 3261 16.8: it rings for ever; cancel it and let its 487 come.
    branch.timerCAtMs = 0;
    return cancelBranch(act, branch);
  }
  // 16.8 without a provisional response; 9.1 when nothing came of a CANCEL.
  onBranchFailure(act, branch, 'timeout');
  destroy(branch.tx, act);
  act.tidy(owner);
}

function forgetOldDialogs(act: Act): void {
  const { state, turn } = act;
  if (state.dialogs.removeOlder(turn.nowMs - limits.dialogMsMax)) {
    turn.count('dialogs-forgotten');
    turn.save('none');
  }
  if (state.dialogs.size > 0) turn.timer('L', state.dialogs.oldestMs() + limits.dialogMsMax);
}

/**
 * What the lost node may not have given to its connections any more: streams have no timers that repeat it. A peer that had
 * it already takes it for a retransmission.
 */
function repeatOnStreams(act: Act): void {
  // By contexts: the order of the owners is another one after each restart.
  for (const { server, branches } of act.state.contexts.values()) {
    if (awaitsPeer(server) || isAnswered(server)) act.resend(server);
    for (const { tx, cancel } of branches) {
      if (awaitsPeer(tx)) act.resend(tx);
      if (cancel !== undefined && awaitsPeer(cancel)) act.resend(cancel);
    }
  }
}

function onNoAnswer(act: Act, contextId: number): void {
  const context = act.state.contexts.get(contextId);
  if (context === undefined || context.finalStatus !== 0 || context.cancelled !== '') return;
  context.cancelled = 'no-answer';
  cancelAll(act, context, '');
  act.state.saved = true;
  act.turn.save('store');
}

/** After a takeover, a hand-off or a rest: timers are armed again; routing that was interrupted begins again. */
function takeUp(callId: string, packed: readonly unknown[], turn: Turn, deps: CallDeps): CallState {
  const state = unpackCall(callId, packed, turn.partition, deps);
  const act = new Act(state, turn, deps);
  if (state.dialogs.size > 0) turn.timer('L', state.dialogs.oldestMs() + limits.dialogMsMax);
  act.timersNotBeforeMs = turn.nowMs + limits.takeoverQuietMs;
  let streams = false;
  for (const owner of state.owners.values()) {
    resume(owner.tx, turn.nowMs, act, takeoverGraceMs);
    streams ||= awaitsPeer(owner.tx);
  }
  for (const { server } of state.contexts.values()) streams ||= isAnswered(server);
  if (streams) {
    turn.timer('R', act.timersNotBeforeMs);
    watch(act);
  }
  for (const context of [...state.contexts.values()]) {
    if (context.noAnswerAtMs !== 0 && context.finalStatus === 0) turn.timer(`N ${context.id}`, context.noAnswerAtMs);
    for (const branch of context.branches) {
      if (branch.finalStatus !== 0) continue;
      // 16.7 step 2, counted anew: late is harmless here, early is not.
      if (branch.timerCAtMs !== 0) turn.timer(`C ${branch.tx.key}`, turn.nowMs + timerCMs);
      // 9.1. Not anew: what wakes the call of its own accord may be this very timer.
      if (branch.cancel !== undefined) {
        const sentAtMs = branch.cancelAtMs === 0 ? turn.nowMs : branch.cancelAtMs;
        turn.timer(`X ${branch.tx.key}`, Math.max(sentAtMs + transactionTimeoutMs, act.timersNotBeforeMs));
      }
    }
    if (context.branches.length === 0 && context.finalStatus === 0 && context.server.pending) route(act, context);
  }
  if (state.holds.length > 0) {
    settleHolds(act);
    armClaims(act);
  }
  return state;
}

function view(state: CallState, noAnswerMs: number): readonly CallView[] {
  const { callId } = state;
  const views: CallView[] = [];
  const shown = new Set<string>();
  for (const each of state.dialogs.all()) {
    shown.add(each.fromTag);
    views.push({
      callId,
      from: each.from,
      to: each.to,
      state: each.answeredAtMs === 0 ? 'ringing' : 'established',
      startedAtMs: each.startedAtMs,
      answeredAtMs: each.answeredAtMs,
    });
  }
  for (const context of state.contexts.values()) {
    const { finalStatus, noAnswerAtMs } = context;
    if (noAnswerAtMs === 0 || finalStatus !== 0) continue;
    const { request } = context;
    if (request.toTag !== '' || shown.has(request.fromTag)) continue;
    views.push({
      callId,
      from: addressOf(request.from.uri),
      to: addressOf(request.to.uri),
      state: 'calling',
      startedAtMs: noAnswerAtMs - noAnswerMs,
      answeredAtMs: 0,
    });
  }
  return views;
}
