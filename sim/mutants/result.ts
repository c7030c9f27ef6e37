/** What became of a mutant, and the table of all of them that is kept (docs/mutants.md). */
import { mutants } from './list.ts';

export interface Result {
  readonly name: string;
  readonly file: string;
  /** Worlds of each series that saw it. */
  readonly worlds: readonly number[];
  /** Series without a finding: how many worlds were tried in vain. */
  readonly vain: readonly number[];
  /** Worlds that fail without it too, which do not count. */
  readonly sick: number;
  /** What the first series saw. */
  readonly what: string;
  readonly trouble: string;
}

/** Of all series; undefined when half of them saw nothing. */
export function medianOf({ worlds, vain }: Pick<Result, 'worlds' | 'vain'>): number | undefined {
  const sorted = [...worlds, ...vain.map(() => Infinity)].toSorted((a, b) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  return middle === undefined || middle === Infinity ? undefined : middle;
}

export function isSeen({ worlds }: Result): boolean {
  return worlds.length > 0;
}

export function lineOf(result: Result): string {
  const { name, worlds, vain, sick, what, trouble } = result;
  const count = isSeen(result) ? (medianOf(result) ?? `${Math.min(...worlds)}?`) : 'SURVIVED';
  const missed = vain.length === 0 ? '' : ` (${vain.length} series of ${vain.join(', ')} saw nothing)`;
  const notCounted = sick === 0 ? '' : ` (${sick} worlds fail without it)`;
  return `${name.padEnd(58)} ${String(count).padStart(8)}  ${what.slice(0, 110)}${missed}${notCounted}${trouble === '' ? '' : `  ! ${trouble}`}`;
}

/** In the order of the list; of mutants that are not in it any more nothing is kept. */
export function sorted(results: readonly Result[]): Result[] {
  const byName = new Map(results.map((result) => [result.name, result]));
  return mutants.flatMap(({ name }) => byName.get(name) ?? []);
}

export function page(results: readonly Result[]): string {
  const seen = results.filter(isSeen);
  const medians = seen.map((each) => medianOf(each) ?? Infinity).toSorted((a, b) => a - b);
  const names = (which: readonly { readonly name: string }[]): string =>
    which.length === 0 ? 'none' : which.map(({ name }) => `"${name}"`).join(', ');
  const survivors = results.filter((each) => !isSeen(each));
  const untried = mutants.filter(({ name }) => results.every((each) => each.name !== name));
  return `# Mutants

Mistakes of one line that are put into production code (\`sim/mutants/\`), one at a time, and how many worlds of the simulator
it takes until one of them breaks an invariant. Written by \`node sim/mutants/run.ts --write\`. A world counts only when
nothing is wrong with it without the mistake. Worlds are those of seeds with the faults that the mutant wishes for, or its
scenario with other delays. Series begin with other seeds; each was given some seconds of a busy machine, not all of 2,000
worlds, so "not seen" says how few were tried: their number in brackets.

${seen.length} of ${mutants.length} are seen; half of these within ${medians[Math.floor((medians.length - 1) / 2)] ?? 0} worlds, the slowest within ${medians.filter(Number.isFinite).at(-1) ?? 0} (medians).

Not seen yet: ${names(survivors)}.

Not tried: ${names(untried)}.

| mutant | in | seen by | what was seen first | worlds, median of series | series |
| ------ | -- | ------- | ------------------- | ------------------------ | ------ |
${results.map(rowOf).join('\n')}
`;
}

function rowOf(result: Result): string {
  const { name, file, worlds, vain, what } = result;
  const [, invariant = '', checker = '', text = what] =
    /invariant (\d+) \((.*?)\) (?:at \d+ ms: )?([^]*)$/.exec(what) ?? [];
  const by = checker === '' ? (what === '' ? '-' : 'the judge of its scenario') : `${invariant} \`${checker}\``;
  const median = isSeen(result) ? (medianOf(result) ?? 'less than half of the series') : 'not seen';
  const series = [...worlds.map(String), ...vain.map((count) => `(${count})`)].join(', ');
  return `| ${name} | \`${file}\` | ${by} | ${cell(text)} | ${median} | ${series} |`;
}

function cell(text: string): string {
  // What was seen may have octets of a message in it.
  const line = text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();
  const short = line.length > 100 ? `${line.slice(0, 97)}...` : line;
  return short.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
