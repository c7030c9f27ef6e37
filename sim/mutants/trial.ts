/**
 * Looks for one mutant, which the loader has put in: from each of some first seeds on until a world fails. Prints a line of
 * JSON for each: how many worlds it took, and what was wrong. With `scenarios` and parts of names (none: all): the
 * scenarios that fail, by name, each with what was wrong.
 */
import { play, scenarios } from '../scenarios/list.ts';
import { mutants } from './list.ts';
import { tryWorld } from './worlds.ts';
import type { Finding } from './worlds.ts';

/** What a line of this program says. */
export interface Trial {
  readonly first: number;
  readonly tried: number;
  readonly found?: Finding | undefined;
}

if (process.argv[2] === 'scenarios') tryScenarios(process.argv.slice(3));
else trySeeds(Number(process.argv[2]), Number(process.argv[3]), process.argv.slice(4).map(Number));

function tryScenarios(parts: readonly string[]): void {
  const seen: Record<string, string> = {};
  for (const scenario of scenarios) {
    if (parts.length > 0 && !parts.some((part) => scenario.name.includes(part))) continue;
    const [problem] = play(scenario).problems;
    if (problem !== undefined) seen[scenario.name] = problem.split('\n')[0] ?? '';
  }
  process.stdout.write(`${JSON.stringify(seen)}\n`);
}

function trySeeds(seedsMax: number, secondsMax: number, firsts: readonly number[]): void {
  const mutant = mutants.find(({ name }) => name === process.env['CARILLON_MUTANT']);
  if (mutant === undefined) throw new Error('no mutant is put in');
  for (const first of firsts) {
    const endMs = performance.now() + secondsMax * 1_000;
    let tried = 0;
    let found: Finding | undefined;
    while (found === undefined && tried < seedsMax && performance.now() < endMs)
      found = tryWorld(mutant, first + tried++);
    const trial: Trial = { first, tried, found };
    process.stdout.write(`${JSON.stringify(trial)}\n`);
  }
}
