/**
 * A call that has ended: for half a minute its transactions wait for what may be repeated, and nearly always nothing is. Packed
 * it takes a sixth of the room, and no timers of its own.
 */
import type { Transaction } from '../../src/transaction/machine.ts';
import { delayMs } from '../../src/transaction/timers.ts';
import type { CallState, Context } from './state.ts';

/** When the last of its transactions is forgotten, cluster time; 0: it has not ended, or there is more to do than to wait. */
export function endsAtMs(state: CallState): number {
  if (state.dialogs.size > 0 || state.holds.length > 0 || state.lost.length > 0 || state.isWatched) return 0;
  let latestMs = 0;
  for (const context of state.contexts.values()) {
    const endMs = endOf(context);
    if (endMs < 0) return 0;
    if (endMs > latestMs) latestMs = endMs;
  }
  return latestMs;
}

/** When the last of its transactions is forgotten; below 0: something is still to be done. */
function endOf({ server, branches, run, isOver }: Context): number {
  if (!isOver || run !== undefined) return -1;
  let endMs = waitsUntil(server);
  for (const { tx, cancel } of branches) {
    endMs = later(endMs, waitsUntil(tx));
    if (cancel !== undefined) endMs = later(endMs, waitsUntil(cancel));
  }
  return endMs;
}

function later(a: number, b: number): number {
  return a < 0 || b < 0 ? -1 : Math.max(a, b);
}

/** 0: it has ended. Over a connection it may have to be said again when somebody wakes the call (`R` in behaviour.ts). */
function waitsUntil(tx: Transaction): number {
  if (tx.reliable) return -1;
  if (tx.terminated) return 0;
  switch (tx.timeout) {
    case 'D':
    case 'I':
    case 'J':
    case 'K':
    case 'L':
    case 'M':
      return tx.repeat === '' ? tx.timeoutStartedAtMs + delayMs(tx.timeout, false, 0) : -1;
    default:
      return -1;
  }
}
