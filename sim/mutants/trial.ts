/**
 * One mutant: seeds until one fails. Prints a line of JSON: how many it took, and which invariant saw it. With `scenarios`
 * and parts of names (none: all): the scenarios that fail instead, by name, each with what was wrong.
 */
import { readCorpus } from '../corpus.ts';
import { draw } from '../options.ts';
import { play, scenarios } from '../scenarios/list.ts';
import { simulate } from '../simulate.ts';

if (process.argv[2] === 'scenarios') tryScenarios(process.argv.slice(3));
else trySeeds();

function tryScenarios(parts: readonly string[]): void {
  const seen: Record<string, string> = {};
  for (const scenario of scenarios) {
    if (parts.length > 0 && !parts.some((part) => scenario.name.includes(part))) continue;
    const [problem] = play(scenario).problems;
    if (problem !== undefined) seen[scenario.name] = problem.split('\n')[0] ?? '';
  }
  process.stdout.write(`${JSON.stringify(seen)}\n`);
}

function trySeeds(): void {
  const seedsMax = Number(process.argv[2] ?? '100');
  const endMs = performance.now() + Number(process.argv[3] ?? '30') * 1_000;
  const seeds = [
    ...readCorpus().map(({ seed }) => seed),
    ...Array.from({ length: seedsMax }, (_, index) => 5_000 + index),
  ];
  let tried = 0;
  let found: object | undefined;
  for (const seed of seeds) {
    if (performance.now() > endMs) break;
    tried++;
    const { failure } = simulate(draw(seed));
    if (failure === undefined) continue;
    found = { seed, invariant: failure.invariant, checker: failure.checker, message: failure.message.split('\n')[0] };
    break;
  }
  process.stdout.write(`${JSON.stringify({ tried, found })}\n`);
}
