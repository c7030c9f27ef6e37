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

/** What a scenario asks of its world beyond the invariants. */
export interface Complaint {
  /** '' when it is about no call. */
  readonly callId: string;
  readonly text: string;
}

export function* complaints({ judge, reaches }: Scenario, { calls, reached }: SimResult): Generator<Complaint> {
  for (const call of calls) {
    // Those after the healing are judged by sim/checkers/healed.ts.
    const wrong = call.plan.number < 1_000 ? judge(call) : undefined;
    if (wrong !== undefined) yield { callId: call.plan.callId, text: `${call.plan.callId} ${wrong}` };
  }
  for (const point of reaches) if (!reached.has(point)) yield { callId: '', text: `never reached: ${point}` };
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
  for (const { text } of complaints(scenario, result)) problems.push(text);
  return { result, problems };
}
