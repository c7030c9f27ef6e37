/**
 * Puts mutants into the simulator, each until it is seen, several times from other seeds on, and prints by what and after
 * how many worlds (median). What a mutant is said to have broken must be whole without it. Exit code 1: one survives.
 *
 *   node sim/mutants/run.ts [part of the name] [--seeds 2000] [--seconds 60] [--series 3] [--jobs 2] [--json]
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mutants } from './list.ts';
import type { Mutant } from './mutant.ts';
import type { Trial } from './trial.ts';
import { tryWorld } from './worlds.ts';

interface Result {
  readonly name: string;
  readonly file: string;
  /** Worlds of each series that saw it. */
  readonly worlds: readonly number[];
  /** Series without a finding: how many worlds were tried in vain. */
  readonly vain: readonly number[];
  /** Of all series; undefined when half of them saw nothing. */
  readonly median: number | undefined;
  readonly what: string;
  readonly trouble: string;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '60' },
    series: { type: 'string', default: '3' },
    jobs: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
});
const folder = fileURLToPath(new URL('.', import.meta.url));
const firsts = Array.from({ length: Number(values.series) }, (_, index) => 5_000 + index * 100_000);
const wanted = positionals[0] ?? '';
const waiting = mutants.filter(({ name }) => name.includes(wanted));
const results: Result[] = [];
let done = 0;
await Promise.all(Array.from({ length: Number(values.jobs) }, work));
results.sort(
  (a, b) => mutants.findIndex(({ name }) => name === a.name) - mutants.findIndex(({ name }) => name === b.name),
);
if (values.json) process.stdout.write(`${JSON.stringify(results, undefined, 2)}\n`);
const survivors = results.filter(({ worlds }) => worlds.length === 0);
if (!values.json) process.stdout.write(`${results.length - survivors.length} of ${results.length} mutants seen\n`);
process.exitCode = survivors.length > 0 || results.length === 0 ? 1 : 0;

async function work(): Promise<void> {
  for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
    const result = await tryOne(mutant);
    results.push(result);
    done++;
    if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${done + waiting.length} \u001B[K`);
    if (!values.json) process.stdout.write(`${lineOf(result)}\n`);
  }
}

async function tryOne(mutant: Mutant): Promise<Result> {
  const args = [
    '--import',
    `${folder}loader.ts`,
    `${folder}trial.ts`,
    values.seeds,
    values.seconds,
    ...firsts.map(String),
  ];
  const child = spawn(process.execPath, args, { env: { ...process.env, CARILLON_MUTANT: mutant.name } });
  let out = '';
  let wrong = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (wrong += chunk.toString()));
  await new Promise((resolve) => child.on('close', resolve));
  const trials = out
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Trial);
  const found = trials.flatMap((trial) => (trial.found === undefined ? [] : [trial.found]));
  const worlds = trials.flatMap((trial) => (trial.found === undefined ? [] : [trial.tried]));
  const vain = trials.flatMap((trial) => (trial.found === undefined ? [trial.tried] : []));
  const innocent = found.find(({ seed }) => tryWorld(mutant, seed) !== undefined);
  const trouble =
    trials.length < firsts.length
      ? `could not be run: ${wrong.split('\n').find((line) => line.includes('Error')) ?? wrong}`
      : innocent === undefined
        ? ''
        : `seed ${innocent.seed} fails without it too`;
  return {
    name: mutant.name,
    file: mutant.file,
    worlds,
    vain,
    median: medianOf(worlds, vain),
    what: found[0]?.what ?? '',
    trouble,
  };
}

function medianOf(worlds: readonly number[], vain: readonly number[]): number | undefined {
  const sorted = [...worlds, ...vain.map(() => Infinity)].toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  return middle === undefined || middle === Infinity ? undefined : middle;
}

function lineOf({ name, worlds, vain, median, what, trouble }: Result): string {
  const count = worlds.length === 0 ? 'SURVIVED' : (median ?? `${Math.min(...worlds)}?`);
  const missed = vain.length === 0 ? '' : ` (${vain.length} series of ${vain.join(', ')} saw nothing)`;
  return `${name.padEnd(58)} ${String(count).padStart(8)}  ${what.slice(0, 110)}${missed}${trouble === '' ? '' : `  ! ${trouble}`}`;
}
