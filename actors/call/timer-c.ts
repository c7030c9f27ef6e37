/** Timer C of a proxy: how long an INVITE branch may stay without a final response (RFC 3261 16.6 step 11). */
import { timerCMs } from '../../src/transaction/timers.ts';
import type { Act } from './act.ts';
import type { Branch } from './state.ts';

export function armTimerC(act: Act, branch: Branch): void {
  branch.timerCAtMs = act.turn.nowMs + timerCMs;
  act.turn.timer(`C ${branch.tx.key}`, branch.timerCAtMs);
}

export function stopTimerC(act: Act, branch: Branch): void {
  if (branch.timerCAtMs === 0) return;
  branch.timerCAtMs = 0;
  act.turn.clearTimer(`C ${branch.tx.key}`);
}
