/**
 * What an address-of-record remembers while it sleeps: which nonces its owner has used, for as long as a REGISTER and what its
 * phone does next may use the same one.
 */
import { NonceWindows } from '../../src/auth/replay.ts';
import { limits } from '../../src/limits.ts';
import { transactionTimeoutMs } from '../../src/transaction/timers.ts';
import type { Memory } from '../entity.ts';
import type { AorState } from './state.ts';

/** @param lastMs its last input. `undefined`: something is going on, or it will soon be nobody. */
export function remember(state: AorState, lastMs: number): Memory | undefined {
  if (state.bindings.length === 0 || state.waiting.length > 0 || state.requests.contexts.size > 0) return undefined;
  if (state.windows.size === 0) return nothing;
  return {
    packed: [state.windows.pack(lastMs)],
    untilMs: lastMs + transactionTimeoutMs + limits.passivateSoonMs,
  };
}

const nothing: Memory = { packed: [], untilMs: 0 };

export function recall(state: AorState, [windows]: readonly unknown[]): void {
  if (Array.isArray(windows)) state.windows = NonceWindows.unpack(windows);
}
