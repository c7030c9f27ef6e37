/**
 * A call as a positional array and back. Everything is in it that a new owner needs to go on: the requests as received,
 * the branches as sent, the timers as absolute times. Routing that was still going on is begun again.
 */
import assert from 'node:assert';
import { Buffer } from 'node:buffer';
import type { SipMessage } from '../../src/sip/message.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';
import { ClientTransaction, ServerTransaction } from '../../src/transaction/machine.ts';
import { pack as packTransaction, unpack as unpackTransaction } from '../../src/transaction/pack.ts';
import { planRoute } from '../../src/proxy/route-set.ts';
import { packFlow, unpackFlow } from '../envelope.ts';
import type { CallDeps } from './deps.ts';
import { Dialogs } from './dialogs.ts';
import { packHolds, unpackHolds } from './holds.ts';
import { Context, newCall } from './state.ts';
import type { Branch, CallState } from './state.ts';

/** Raise it when a position changes its meaning; nodes read this and the one before. */
const schema = 1;

export function packCall(state: CallState): readonly unknown[] | null {
  if (state.dialogs.size === 0 && state.contexts.size === 0 && state.holds.length === 0) return null;
  const contexts: unknown[] = [];
  for (const context of state.contexts.values()) contexts.push(packContext(context));
  const packed = [schema, state.nextContext, state.saved, state.dialogs.pack(), contexts];
  if (state.holds.length > 0) packed.push(packHolds(state.holds));
  return packed;
}

/** Only the requests that wait for an answer: what is worth keeping where answered ones can be asked again. */
export function packPending(state: CallState): readonly unknown[] | null {
  const contexts: unknown[] = [];
  for (const context of state.contexts.values()) if (context.server.pending) contexts.push(packContext(context));
  return contexts.length === 0 ? null : [schema, state.nextContext, false, [], contexts];
}

export function unpackCall(callId: string, packed: readonly unknown[], partition: number, deps: CallDeps): CallState {
  assert(packed[0] === schema, `a call of schema ${String(packed[0])} cannot be read`);
  const state: CallState = {
    ...newCall(callId),
    dialogs: Dialogs.unpack(packed[3] as readonly unknown[]),
    nextContext: packed[1] as number,
    saved: packed[2] === true,
    holds: unpackHolds(packed[5]),
  };
  const proof = deps.identifiers.routeProof(partition, callId);
  for (const row of packed[4] as readonly (readonly unknown[])[]) {
    const context = unpackContext(row, proof, deps);
    state.contexts.set(context.id, context);
    adopt(state, context);
  }
  return state;
}

function adopt(state: CallState, context: Context): void {
  if (!context.server.terminated) state.owners.add({ tx: context.server, context, branch: undefined });
  for (const branch of context.branches) {
    if (!branch.tx.terminated) state.owners.add({ tx: branch.tx, context, branch });
    if (branch.cancel !== undefined && !branch.cancel.terminated)
      state.owners.add({ tx: branch.cancel, context, branch });
  }
}

function packContext(context: Context): unknown[] {
  context.keptPending ||= context.server.pending;
  return [
    context.id,
    context.octets,
    packFlow(context.flow),
    packTransaction(context.server),
    context.user,
    context.cancelled,
    context.finalStatus,
    context.noAnswerAtMs,
    context.branches.map(packBranch),
    context.answeredBy,
  ];
}

function packBranch(branch: Branch): unknown[] {
  return [
    packTransaction(branch.tx),
    branch.provisional,
    branch.cancelWanted,
    branch.cancel === undefined ? null : packTransaction(branch.cancel),
    branch.finalStatus,
    branch.final === undefined ? null : branch.final.bytes,
    branch.timerCAtMs,
    branch.cancelReason,
    branch.cancelAtMs,
    branch.account,
  ];
}

function unpackContext(row: readonly unknown[], proof: string, deps: CallDeps): Context {
  const [id, bytes, flow, server, user, cancelled, finalStatus, noAnswerAtMs, branches, answeredBy] = row;
  const request = reparse(bytes);
  const source = unpackFlow(flow);
  const transaction = unpackTransaction(server as readonly unknown[]);
  assert(source !== undefined, 'a context knows where its request came from');
  assert(transaction instanceof ServerTransaction, 'a context has a server transaction');
  const context = new Context(
    id as number,
    request,
    source,
    transaction,
    planRoute(request, deps.self, proof, source.listener),
  );
  context.user = user as string;
  context.cancelled = cancelled as Context['cancelled'];
  context.finalStatus = finalStatus as number;
  context.answeredBy = Array.isArray(answeredBy) ? answeredBy.map(String) : [];
  context.noAnswerAtMs = noAnswerAtMs as number;
  context.keptPending = transaction.pending;
  context.branches = (branches as readonly (readonly unknown[])[]).map((each, index) =>
    unpackBranch(context, index, each),
  );
  if (context.isOver) context.rest();
  return context;
}

function unpackBranch(context: Context, index: number, row: readonly unknown[]): Branch {
  const [packed, provisional, cancelWanted, cancel, finalStatus, final, timerCAtMs, cancelReason, cancelAtMs, account] =
    row;
  const tx = unpackTransaction(packed as readonly unknown[]);
  const cancelTx =
    cancel === null || cancel === undefined ? undefined : unpackTransaction(cancel as readonly unknown[]);
  assert(
    tx instanceof ClientTransaction && (cancelTx === undefined || cancelTx instanceof ClientTransaction),
    'a branch has client transactions',
  );
  return {
    context,
    index,
    tx,
    account: typeof account === 'string' ? account : '',
    provisional: provisional === true,
    cancelWanted: cancelWanted === true,
    cancelReason: typeof cancelReason === 'string' ? cancelReason : '',
    cancel: cancelTx,
    cancelAtMs: typeof cancelAtMs === 'number' ? cancelAtMs : 0,
    finalStatus: finalStatus as number,
    final: final === null || final === undefined ? undefined : reparse(final),
    timerCAtMs: timerCAtMs as number,
  };
}

function reparse(bytes: unknown): SipMessage {
  assert(bytes instanceof Uint8Array, 'a packed message is octets');
  // A copy: the snapshot's buffer must not be kept alive, nor change under us.
  const message = parse(Buffer.from(bytes), false);
  assert(!isFailure(message), 'a message of a snapshot was valid when it came');
  return message;
}
