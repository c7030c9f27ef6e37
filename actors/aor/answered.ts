/**
 * What an address-of-record remembers while it sleeps: the answers that it gave over datagrams, until their timer J (RFC 3261
 * 17.2.2), and which nonces its owner has used. A REGISTER takes some 3 kB while its transaction is remembered as such.
 */
import assert from 'node:assert';
import { NonceWindows } from '../../src/auth/replay.ts';
import { limits } from '../../src/limits.ts';
import type { Flow } from '../../src/outside.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { serverKey } from '../../src/transaction/key.ts';
import { delayMs } from '../../src/transaction/timers.ts';
import type { Context } from '../call/state.ts';
import type { Memory, Turn } from '../entity.ts';
import { packFlow, unpackFlow } from '../envelope.ts';
import type { AorState } from './state.ts';

/** The final response of a server transaction in the state Completed: nothing is left to do but to send it again. */
export interface Answered {
  /** As in src/transaction/key.ts. */
  readonly key: string;
  readonly flow: Flow;
  readonly response: Uint8Array;
  /** Cluster time of timer J. */
  readonly untilMs: number;
}

export const noAnswers: readonly Answered[] = [];

/** `undefined`: there is more than that, or so much that it is better kept as it is. */
export function remember(state: AorState, nowMs: number): Memory | undefined {
  const { contexts } = state.requests;
  if (state.bindings.length === 0 || state.waiting.length > 0) return undefined;
  if (contexts.size + state.answered.length > limits.answersRememberedMax) return undefined;
  const packed: unknown[] = [];
  let untilMs = nowMs;
  if (state.windows.size > 0) packed.push(state.windows.pack(nowMs));
  else if (contexts.size > 0 || state.answered.length > 0) packed.push(null);
  for (const { key, flow, response, untilMs: itsMs } of state.answered) {
    packed.push(key, packFlow(flow), response, itsMs);
    untilMs = Math.max(untilMs, itsMs);
  }
  for (const context of contexts.values()) {
    if (!isAnswered(context)) return undefined;
    const { key, flow, lastResponse, timeoutStartedAtMs } = context.server;
    const itsMs = timeoutStartedAtMs + delayMs('J', false, 0);
    packed.push(key, packFlow(flow), lastResponse, itsMs);
    untilMs = Math.max(untilMs, itsMs);
  }
  // The nonces for as long as it would have stayed awake.
  if (state.windows.size > 0) untilMs += limits.passivateSoonMs;
  return { packed, untilMs };
}

/** Timer J is the only thing that it waits for. */
function isAnswered({ server, branches, run }: Context): boolean {
  return server.state === 'completed' && server.timeout === 'J' && branches.length === 0 && run === undefined;
}

export function recall(state: AorState, memory: readonly unknown[], turn: Turn): void {
  const [windows, ...rows] = memory;
  if (Array.isArray(windows)) state.windows = NonceWindows.unpack(windows);
  const answered: Answered[] = [];
  let untilMs = 0;
  for (let at = 0; at + 3 < rows.length; at += 4) {
    const [key, packedFlow, response, itsMs] = rows.slice(at, at + 4);
    const flow = unpackFlow(packedFlow);
    assert(
      typeof key === 'string' && flow !== undefined && response instanceof Uint8Array && typeof itsMs === 'number',
      'an answer is remembered as it was written',
    );
    if (itsMs <= turn.nowMs) continue;
    answered.push({ key, flow, response, untilMs: itsMs });
    untilMs = Math.max(untilMs, itsMs);
  }
  if (answered.length === 0) return;
  state.answered = answered;
  turn.timer(forgetTimer, untilMs);
}

/** The name of the timer at which the last of them has lost its meaning. */
export const forgetTimer = 'answered';

/** RFC 3261 17.2.2, Completed: "retransmit the response". False when it is no repetition of what we remember. */
export function repeat(state: AorState, request: SipMessage, turn: Turn): boolean {
  if (state.answered.length === 0 || !request.isRequest || request.method === 'ACK') return false;
  const known = find(state, serverKey(request), turn.nowMs);
  if (known === undefined) return false;
  turn.send(known.flow, known.response, known.key);
  return true;
}

/** One of them did not leave: RFC 6026 8.8, the transaction stays. False when it is none of these. */
export function undelivered(state: AorState, token: string, turn: Turn): boolean {
  if (find(state, token, turn.nowMs) === undefined) return false;
  turn.count('server-transaction-transport-error');
  return true;
}

function find(state: AorState, key: string, nowMs: number): Answered | undefined {
  for (const each of state.answered) if (each.key === key && each.untilMs > nowMs) return each;
  return undefined;
}
