/**
 * Puts every mutant (or those whose names contain the first argument, or by number: `0-9`) into the simulator until it is
 * seen, and prints what saw it after how many seeds. Exit code 1 when one survives.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { mutants } from './list.ts';

const wanted = process.argv[2] ?? '';
const seedsMax = process.argv[3] ?? '100';
const secondsMax = process.argv[4] ?? '30';
const folder = fileURLToPath(new URL('.', import.meta.url));
let survived = 0;
const [first, last] = /^\d+-\d+$/.test(wanted) ? wanted.split('-').map(Number) : [];
const chosen = mutants.filter((each, index) =>
  first === undefined || last === undefined ? each.name.includes(wanted) : index >= first && index <= last,
);
for (const { name, unseen } of chosen) {
  const run = spawnSync(
    process.execPath,
    ['--import', `${folder}loader.ts`, `${folder}trial.ts`, seedsMax, secondsMax],
    {
      env: { ...process.env, CARILLON_MUTANT: name },
      encoding: 'utf8',
    },
  );
  const line = run.stdout.trim().split('\n').at(-1) ?? '';
  const result = line.startsWith('{') ? (JSON.parse(line) as Result) : undefined;
  if (result?.found === undefined && (unseen === undefined || result === undefined)) survived++;
  const saw =
    result === undefined
      ? `could not be run: ${run.stderr.split('\n').find((each) => each.includes('Error')) ?? run.stderr}`
      : result.found === undefined
        ? `${unseen === undefined ? 'SURVIVED' : 'not seen in'} ${result.tried} seeds${unseen === undefined ? '' : `: ${unseen}`}`
        : `${String(result.tried).padStart(4)} seeds: invariant ${result.found.invariant} (${result.found.checker}) ${result.found.message.slice(0, 90)}`;
  process.stdout.write(`${name.padEnd(58)} ${saw}\n`);
}
process.exitCode = survived > 0 ? 1 : 0;

interface Result {
  readonly tried: number;
  readonly found?: {
    readonly seed: number;
    readonly invariant: number;
    readonly checker: string;
    readonly message: string;
  };
}
