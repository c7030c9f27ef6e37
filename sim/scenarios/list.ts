/** Scenarios after bugs that others had, by name. */
import { connectionScenarios } from './connections.ts';
import { copyScenarios } from './copies.ts';
import { messageScenarios } from './messages.ts';
import { momentScenarios } from './moments.ts';
import { lossScenarios } from './losses.ts';
import { handoverScenarios } from './handovers.ts';
import { trunkScenarios } from './trunks.ts';
import { splitScenarios } from './splits.ts';
import { voteScenarios } from './votes.ts';
import type { Scenario } from './scenario.ts';
import { simulate } from '../simulate.ts';
import type { SimResult } from '../simulate.ts';

export const scenarios: readonly Scenario[] = [
  ...messageScenarios,
  ...lossScenarios,
  ...handoverScenarios,
  ...splitScenarios,
  ...voteScenarios,
  ...copyScenarios,
  ...connectionScenarios,
  ...momentScenarios,
  ...trunkScenarios,
];

export interface ScenarioResult {
  readonly result: SimResult;
  /** What is wrong, in sentences; empty when nothing is. */
  readonly problems: readonly string[];
}

/** @param seed other small things than those that it is known by. */
export function play(scenario: Scenario, seed = scenario.options.seed): ScenarioResult {
  const result = simulate({ ...scenario.options, seed });
  const { failure } = result;
  const problems: string[] = [];
  if (failure !== undefined)
    problems.push(
      `invariant ${failure.invariant} (${failure.checker}) at ${failure.atMs.toFixed(0)} ms: ${failure.message} ${failure.callId}`,
    );
  for (const call of result.calls) {
    // Those after the healing are judged by sim/checkers/healed.ts.
    const wrong = call.plan.number < 1_000 ? scenario.judge(call) : undefined;
    if (wrong !== undefined) problems.push(`${call.plan.callId} ${wrong}`);
  }
  for (const point of scenario.reaches) if (!result.reached.has(point)) problems.push(`never reached: ${point}`);
  return { result, problems };
}
