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
  const { scenario: name, wishes, looksAtAll = false } = mutant;
  if (name !== undefined) {
    const scenario = scenarios.find((each) => each.name === name);
    if (scenario === undefined) throw new Error(`there is no scenario '${name}'`);
    const [problem] = play({ ...scenario, options: { ...scenario.options, looksAtAll } }, seed).problems;
    return problem === undefined ? undefined : { seed, what: firstLine(problem) };
  }
  const { failure } = simulate({ ...draw(seed, wishes), looksAtAll });
  if (failure === undefined) return undefined;
  return { seed, what: `invariant ${failure.invariant} (${failure.checker}) ${firstLine(failure.message)}` };
}

/** What is the same for mutants that are looked for in the same worlds. */
export function worldsOf({ scenario, wishes, looksAtAll }: Mutant): string {
  return JSON.stringify([scenario, wishes, looksAtAll]);
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
