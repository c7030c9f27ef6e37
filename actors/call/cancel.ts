/** CANCEL to the branches: RFC 3261 9.1, 16.7 step 10, 16.8. */
import { cancel as buildCancel } from '../../src/sip/build.ts';
import { ClientTransaction } from '../../src/transaction/machine.ts';
import { clientKey } from '../../src/transaction/key.ts';
import { transactionTimeoutMs } from '../../src/transaction/timers.ts';
import { readAgain } from './read-again.ts';
import type { Act } from './act.ts';
import type { Branch, Context } from './state.ts';

export function cancelAll(act: Act, context: Context, reason: string): void {
  for (const branch of context.branches) if (branch.finalStatus === 0) wantCancel(act, branch, reason);
}

export function cancelOthers(act: Act, context: Context, winner: Branch, reason: string): void {
  for (const branch of context.branches)
    if (branch !== winner && branch.finalStatus === 0) wantCancel(act, branch, reason);
}

function wantCancel(act: Act, branch: Branch, reason: string): void {
  if (branch.cancelWanted) return;
  branch.cancelWanted = true;
  branch.cancelReason = reason;
  // 9.1: not before a provisional response; the INVITE may still be on its way.
  if (branch.provisional) cancelBranch(act, branch);
}

export function cancelBranch(act: Act, branch: Branch): void {
  if (branch.cancel !== undefined || branch.finalStatus !== 0 || branch.context.method !== 'INVITE') return;
  const { tx } = branch;
  const invite = readAgain(tx.sent);
  if (invite === undefined) return;
  branch.cancelAtMs = act.turn.nowMs;
  branch.cancel = new ClientTransaction('client', clientKey(invite.topVia.branch, 'CANCEL'), tx.flow);
  act.begin(
    { tx: branch.cancel, context: branch.context, branch },
    buildCancel(invite, branch.cancelReason === '' ? undefined : branch.cancelReason),
  );
  // 9.1: without a final response 64*T1 after the CANCEL the INVITE counts as cancelled.
  act.turn.timer(`X ${tx.key}`, branch.cancelAtMs + transactionTimeoutMs);
}
