/** One mutant: seeds until one fails. Prints a line of JSON: how many it took, and which invariant saw it. */
import { readCorpus } from '../corpus.ts';
import { draw } from '../options.ts';
import { simulate } from '../simulate.ts';

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
