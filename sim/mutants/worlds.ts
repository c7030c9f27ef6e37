/** The worlds in which a mutant is looked for: those of seeds, with its wishes, or of its scenario. */
import { draw } from '../options.ts';
import { play, scenarios } from '../scenarios/list.ts';
import { simulate } from '../simulate.ts';
import type { Mutant } from './mutant.ts';

export interface Finding {
  readonly seed: number;
  readonly what: string;
}

/** What is wrong with the world of this seed; undefined when nothing is. */
export function tryWorld(mutant: Mutant, seed: number): Finding | undefined {
  if (mutant.scenario !== undefined) {
    const scenario = scenarios.find(({ name }) => name === mutant.scenario);
    if (scenario === undefined) throw new Error(`there is no scenario '${mutant.scenario}'`);
    const [problem] = play(scenario, seed).problems;
    return problem === undefined ? undefined : { seed, what: firstLine(problem) };
  }
  const { failure } = simulate(draw(seed, mutant.wishes));
  if (failure === undefined) return undefined;
  return { seed, what: `invariant ${failure.invariant} (${failure.checker}) ${firstLine(failure.message)}` };
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
