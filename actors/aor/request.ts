/**
 * A REGISTER as a transaction (RFC 3261 17.2.2). Over datagrams nothing is left of one that is answered but the answer, which
 * the worker knows until timer J (answers.ts): as a transaction it would take some kilobytes of the heap for half a minute.
 */
import { limits } from '../../src/limits.ts';
import type { Flow } from '../../src/outside.ts';
import { responseFlow, sentByFlow } from '../../src/proxy/response-flow.ts';
import { planRoute } from '../../src/proxy/route-set.ts';
import { HeaderId } from '../../src/sip/header/names.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { eventOf } from '../../src/transaction/event.ts';
import { serverKey } from '../../src/transaction/key.ts';
import { ServerTransaction } from '../../src/transaction/machine.ts';
import type { Transaction } from '../../src/transaction/machine.ts';
import { delayMs } from '../../src/transaction/timers.ts';
import type { TimerName } from '../../src/transaction/timers.ts';
import { Act } from '../call/act.ts';
import { onSip, route } from '../call/incoming.ts';
import { readAgain } from '../call/read-again.ts';
import { Context, newCall } from '../call/state.ts';
import type { Branch, CallState } from '../call/state.ts';
import type { Turn } from '../entity.ts';

export class RegistrarAct extends Act {
  override send(tx: Transaction): void {
    if (isAnswered(tx)) this.turn.sendFinal(tx.flow, tx.sent, tx.key, this.turn.nowMs + rememberedMs);
    else super.send(tx);
  }

  override timer(tx: Transaction, name: TimerName, atMs: number): void {
    if (!isAnswered(tx)) super.timer(tx, name, atMs);
  }
}

/** Of those who have none: nothing is ever entered here. */
export const noRequests: CallState = newCall('');

/** Mostly all are answered in the turn that brings them, and the next user can have what they were kept in. */
let spare: { -readonly [K in keyof CallState]: CallState[K] } | undefined;

export function borrowRequests(aor: string): CallState {
  if (spare === undefined) return newCall(aor);
  const requests = spare;
  spare = undefined;
  requests.callId = aor;
  return requests;
}

/** To be called when none of them is left, by whoever does not use it any more. */
export function giveBackRequests(requests: CallState): void {
  const { dialogs, holds, owners, proof, saved, lost, isWatched } = requests;
  const isUsed = dialogs.size + holds.length + owners.size + lost.length + proof.length > 0 || saved || isWatched;
  if (requests === noRequests || isUsed) return;
  requests.nextContext = 1;
  spare = requests;
}

export function onRequest(act: RegistrarAct, request: SipMessage, flow: Flow): void {
  const { state } = act;
  // Others are answered like those of a call.
  if (request.method !== 'REGISTER' || state.contexts.size >= limits.transactionsPerCallMax)
    return onSip(act, request, flow);
  const key = serverKey(request);
  if (act.turn.sayAgain(key)) return;
  act.message = request;
  act.flow = flow;
  const known = state.contexts.size === 0 ? undefined : state.owners.get(key);
  if (known !== undefined) return act.step(known, eventOf(request));
  const proof = request.has(HeaderId.Route) ? act.proof : '';
  const context = new Context(
    state.nextContext++,
    request,
    flow,
    new ServerTransaction('server', key, responseFlow(request, flow)),
    planRoute(request, act.deps.self, proof, flow.listener),
  );
  route(act, context);
  // Mostly it has its answer by now.
  if (context.server.terminated || (isAnswered(context.server) && context.branches.length === 0)) return;
  state.contexts.set(context.id, context);
  act.own({ tx: context.server, context, branch: undefined });
}

/** Lets go of the requests that have their answer, and of whose branches nothing is to be heard any more. */
export function forgetAnswered({ state }: Act): void {
  for (const { id, server, branches } of state.contexts.values()) {
    if (!isAnswered(server) || branches.some(isGoingOn)) continue;
    state.owners.delete(server.key);
    state.contexts.delete(id);
  }
}

function isGoingOn({ tx, cancel }: Branch): boolean {
  return !tx.terminated || (cancel !== undefined && !cancel.terminated);
}

/** What did not leave is an answer that is remembered: RFC 6026 8.8, and 18.2.2 as in `Act.sendAnew`. */
export function undelivered(turn: Turn, key: string): boolean {
  const answer = turn.answered(key);
  if (answer === undefined) return false;
  turn.count('server-transaction-transport-error');
  const request = answer.flow.connection === '' ? undefined : readAgain(answer.response);
  if (request !== undefined) turn.sendFinal(sentByFlow(request, answer.flow), answer.response, key, answer.untilMs);
  return true;
}

/** Nothing is left to do for it but to say its answer again. */
function isAnswered(tx: Transaction): boolean {
  return tx.state === 'completed' && !tx.reliable && tx instanceof ServerTransaction;
}

const rememberedMs = delayMs('J', false, 0);
