/** CANCEL: from the caller (RFC 3261 9.2, 16.10) and to the branches (9.1, 16.7 step 10, 16.8). */
import { cancel as buildCancel } from '../../src/sip/build.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import type { Flow } from '../../src/outside.ts';
import { ClientTransaction } from '../../src/transaction/machine.ts';
import { cancelTargetKey, clientKey } from '../../src/transaction/key.ts';
import { transactionTimeoutMs } from '../../src/transaction/timers.ts';
import { save } from './branch-response.ts';
import { openContext } from './incoming.ts';
import type { Act } from './act.ts';
import type { Branch, Context } from './state.ts';

/** The CANCEL has its own server transaction; it is answered at once, whatever becomes of the INVITE. */
export function onCancel(act: Act, request: SipMessage, flow: Flow): void {
  const target = act.state.owners.get(cancelTargetKey(request));
  const context = openContext(act, request, flow);
  if (context === undefined) return;
  if (target === undefined || target.branch !== undefined) return act.reply(context, 481);
  act.reply(context, 200);
  const invite = target.context;
  if (invite.finalStatus !== 0 || invite.cancelled !== '') return;
  invite.cancelled = 'caller';
  if (invite.branches.length === 0) {
    // Routing has not decided yet: nothing to take back.
    invite.run = undefined;
    act.reply(invite, 487);
    return;
  }
  cancelAll(act, invite, request.lines('Reason')[0] ?? '');
  save(act);
}

export function cancelAll(act: Act, context: Context, reason: string): void {
  for (const branch of context.branches) if (branch.finalStatus === 0) wantCancel(act, branch, reason);
}

export function cancelOthers(act: Act, context: Context, winner: Branch, reason: string): void {
  for (const branch of context.branches) if (branch !== winner && branch.finalStatus === 0) wantCancel(act, branch, reason);
}

function wantCancel(act: Act, branch: Branch, reason: string): void {
  branch.cancelWanted = true;
  // 9.1: not before a provisional response; the INVITE may still be on its way.
  if (branch.provisional) cancelBranch(act, branch, reason);
}

export function cancelBranch(act: Act, branch: Branch, reason = ''): void {
  if (branch.cancel !== undefined || branch.finalStatus !== 0 || branch.context.request.method !== 'INVITE') return;
  const { tx } = branch;
  const invite = parse(Buffer.from(tx.sent.buffer, tx.sent.byteOffset, tx.sent.byteLength), false);
  if (isFailure(invite)) return;
  branch.cancel = new ClientTransaction('client', clientKey(invite.topVia.branch, 'CANCEL'), tx.flow);
  act.begin({ tx: branch.cancel, context: branch.context, branch }, buildCancel(invite, reason === '' ? undefined : reason));
  // 9.1: without a final response 64*T1 after the CANCEL the INVITE counts as cancelled.
  act.turn.timer(`X ${tx.key}`, act.turn.nowMs + transactionTimeoutMs);
}
