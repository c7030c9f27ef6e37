/** When a node that ended is started again, as pure rules. */
import { limits } from '../limits.ts';
import { exitCodes } from './exit.ts';

export interface NodeEnd {
  /** Null when a signal ended it. */
  readonly code: number | null;
  /** It said ready in this life. */
  readonly wasReady: boolean;
  /** It said ready in this or an earlier life. */
  readonly wasEverReady: boolean;
  /** How long this life was. */
  readonly livedMs: number;
  /** Short lives in a row before this one. */
  readonly failures: number;
}

export type Verdict =
  /** It left on purpose. */
  | { readonly do: 'leave' }
  /** Starting it again would end the same way: the whole cluster stops with this code. */
  | { readonly do: 'give-up'; readonly code: number }
  | { readonly do: 'restart'; readonly afterMs: number; readonly failures: number };

const hopeless: readonly (number | null)[] = [
  exitCodes.usage,
  exitCodes.unavailable,
  exitCodes.cannotCreate,
  exitCodes.config,
];

export function verdictOf(end: NodeEnd): Verdict {
  if (end.code === exitCodes.ok) return { do: 'leave' };
  if (!end.wasEverReady && end.code !== null && hopeless.includes(end.code)) return { do: 'give-up', code: end.code };
  // Never ready and short-lived again and again: somebody should look, not wait.
  if (!end.wasEverReady && end.failures + 1 >= limits.supervisorFirstLivesMax) {
    return { do: 'give-up', code: end.code ?? exitCodes.internal };
  }
  const isSteady = end.wasReady && end.livedMs >= limits.supervisorSteadyMs;
  // Told that it is dead, it comes back as a new incarnation; waiting would only prolong the gap.
  if (end.code === exitCodes.internal && isSteady) return { do: 'restart', afterMs: 0, failures: 0 };
  const failures = isSteady ? 0 : end.failures;
  const afterMs = Math.min(limits.supervisorRestartMs * 2 ** Math.min(failures, 16), limits.supervisorRestartMsMax);
  return { do: 'restart', afterMs, failures: failures + 1 };
}
