/**
 * Puts mutants into the simulator, each until it is seen, several times from other seeds on, and prints by what and after
 * how many worlds (median). What a mutant is said to have broken must be whole without it, or the search goes on. Exit code
 * 1: one survives. With --save the results go into a file, beside those of the mutants that were not tried this time; with
 * --write docs/mutants.md is made of that file.
 *
 *   node sim/mutants/run.ts [part of the name] [--seeds 2000] [--seconds 60] [--series 3] [--jobs 2] [--json]
 *                           [--unseen] [--save FILE] [--write]
 */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mutants } from './list.ts';
import type { Mutant } from './mutant.ts';
import { isSeen, lineOf, page, sorted } from './result.ts';
import type { Result } from './result.ts';
import type { Search, Trial } from './trial.ts';
import { tryWorld, worldsOf } from './worlds.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '60' },
    series: { type: 'string', default: '3' },
    jobs: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
    /** Only those that the file of --save does not know as seen in so many series. */
    unseen: { type: 'boolean', default: false },
    save: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const folder = fileURLToPath(new URL('.', import.meta.url));
const firsts = Array.from({ length: Number(values.series) }, (_, index) => 5_000 + index * 100_000);
const kept = values.save !== undefined && existsSync(values.save) ? read(values.save) : [];
const parts = positionals.length === 0 ? [''] : positionals;
const waiting = mutants.filter(
  ({ name }) => parts.some((part) => name.includes(part)) && !(values.unseen && isKnown(name)),
);
// Those of which nothing is known first.
waiting.sort((a, b) => Number(isKept(a)) - Number(isKept(b)));
/** Whether a world is whole without any mutant. */
const whole = new Map<string, boolean>();
const tried: Result[] = [];
await Promise.all(Array.from({ length: Number(values.jobs) }, work));
const results = sorted(values.save === undefined ? tried : [...kept, ...tried]);
if (values.json) process.stdout.write(`${JSON.stringify(results, undefined, 2)}\n`);
if (values.write) writeFileSync(fileURLToPath(new URL('../../docs/mutants.md', import.meta.url)), page(results));
const survivors = results.filter((each) => !isSeen(each));
if (!values.json) process.stdout.write(`${results.length - survivors.length} of ${results.length} mutants seen\n`);
process.exitCode = survivors.length > 0 || results.length === 0 ? 1 : 0;

function read(file: string): readonly Result[] {
  return JSON.parse(readFileSync(file, 'utf8')) as Result[];
}

function isKept({ name }: Mutant): boolean {
  return kept.some((each) => each.name === name);
}

function isKnown(name: string): boolean {
  const result = kept.find((each) => each.name === name);
  return result !== undefined && result.vain.length === 0 && result.worlds.length >= firsts.length;
}

async function work(): Promise<void> {
  for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
    const result = await tryOne(mutant);
    tried.push(result);
    if (values.save !== undefined)
      writeFileSync(values.save, `${JSON.stringify(sorted([...kept, ...tried]), undefined, 1)}\n`);
    if (!values.json) process.stdout.write(`${lineOf(result)}\n`);
  }
}

async function tryOne(mutant: Mutant): Promise<Result> {
  const child = spawn(process.execPath, ['--import', `${folder}loader.ts`, `${folder}trial.ts`], {
    env: { ...process.env, CARILLON_MUTANT: mutant.name },
  });
  let wrong = '';
  child.stderr.on('data', (chunk: Buffer) => (wrong += chunk.toString()));
  child.stdin.on('error', () => {}); // Whoever could not begin says why on stderr.
  const ask = asker(child);
  const worlds: number[] = [];
  const vain: number[] = [];
  let sick = 0;
  let what = '';
  for (const first of firsts) {
    const end = await series(mutant, first, ask);
    if (end === undefined) break;
    sick += end.sick;
    if (end.what === '') vain.push(end.count);
    else worlds.push(end.count);
    if (what === '') what = end.what;
  }
  child.stdin.end();
  await new Promise((resolve) => (child.exitCode === null ? child.on('close', resolve) : resolve(undefined)));
  const isBroken = worlds.length + vain.length < firsts.length;
  const trouble = isBroken
    ? `could not be run: ${wrong.split('\n').find((line) => line.includes('Error')) ?? wrong}`
    : '';
  return { name: mutant.name, file: mutant.file, worlds, vain, sick, what, trouble };
}

interface SeriesEnd {
  readonly count: number;
  readonly sick: number;
  readonly what: string;
}

async function series(
  mutant: Mutant,
  first: number,
  ask: (search: Search) => Promise<Trial | undefined>,
): Promise<SeriesEnd | undefined> {
  let msLeft = Number(values.seconds) * 1_000;
  let sick = 0;
  let count = 0;
  while (count < Number(values.seeds) && msLeft > 0) {
    const trial = await ask({ first: first + count, seedsMax: Number(values.seeds) - count, msMax: msLeft });
    if (trial === undefined) return undefined;
    count += trial.tried;
    msLeft -= trial.tookMs;
    if (trial.found === undefined) break;
    if (isWhole(mutant, trial.found.seed)) return { count, sick, what: trial.found.what };
    sick++;
  }
  return { count, sick, what: '' };
}

function isWhole(mutant: Mutant, seed: number): boolean {
  const key = `${worldsOf(mutant)} ${seed}`;
  let answer = whole.get(key);
  if (answer === undefined) whole.set(key, (answer = tryWorld(mutant, seed) === undefined));
  return answer;
}

/** Undefined when the child ends without an answer. */
function asker(child: ChildProcessWithoutNullStreams): (search: Search) => Promise<Trial | undefined> {
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async (search) => {
    child.stdin.write(`${JSON.stringify(search)}\n`);
    const line = await lines.next();
    return line.done === true ? undefined : (JSON.parse(line.value) as Trial);
  };
}
