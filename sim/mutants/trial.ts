/**
 * Looks for one mutant, which the loader has put in. Reads lines of JSON (`Search`) and answers each with another
 * (`Trial`): how many worlds from a first seed on it took until one failed, and what was wrong with that. With `scenarios`
 * and parts of names (none: all): the scenarios that fail, by name, each with what was wrong.
 */
import { createInterface } from 'node:readline';
import { play, scenarios } from '../scenarios/list.ts';
import { mutants } from './list.ts';
import { tryWorld } from './worlds.ts';
import type { Finding } from './worlds.ts';

export interface Search {
  readonly first: number;
  readonly seedsMax: number;
  readonly msMax: number;
}

export interface Trial {
  readonly tried: number;
  readonly tookMs: number;
  readonly found?: Finding | undefined;
}

if (process.argv[2] === 'scenarios') tryScenarios(process.argv.slice(3));
else
  createInterface({ input: process.stdin }).on('line', (line) => {
    process.stdout.write(`${JSON.stringify(search(JSON.parse(line) as Search))}\n`);
  });

function tryScenarios(parts: readonly string[]): void {
  const seen: Record<string, string> = {};
  for (const scenario of scenarios) {
    if (parts.length > 0 && !parts.some((part) => scenario.name.includes(part))) continue;
    const [problem] = play(scenario).problems;
    if (problem !== undefined) seen[scenario.name] = problem.split('\n')[0] ?? '';
  }
  process.stdout.write(`${JSON.stringify(seen)}\n`);
}

function search({ first, seedsMax, msMax }: Search): Trial {
  const mutant = mutants.find(({ name }) => name === process.env['CARILLON_MUTANT']);
  if (mutant === undefined) throw new Error('no mutant is put in');
  const startMs = performance.now();
  let tried = 0;
  let found: Finding | undefined;
  while (found === undefined && tried < seedsMax && performance.now() - startMs < msMax)
    found = tryWorld(mutant, first + tried++);
  return { tried, tookMs: performance.now() - startMs, found };
}
