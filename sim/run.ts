/**
 * The simulator as a program: one seed with all that happened, many with a line of progress and a report of the first
 * failure, or a world out of a file. The same seed and the same commit give the same world.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { runBatch } from './batch.ts';
import type { BatchTotals } from './batch.ts';
import { keepInCorpus } from './corpus.ts';
import { points } from './coverage.ts';
import { coverageLines } from './reach/print.ts';
import { callOf, describe, investigate, tell } from './findings.ts';
import { namedWorld, playNamed } from './named.ts';
import type { NamedWorld } from './named.ts';
import { draw } from './options.ts';
import type { SimOptions, SimWishes } from './options.ts';
import { readFailFile, UsageError } from './replay.ts';
import type { FailFile } from './replay.ts';
import { reportPage } from './report/page.ts';
import { complaints } from './scenarios/list.ts';
import type { Complaint } from './scenarios/list.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { simulate } from './simulate.ts';
import type { Failure, SimResult } from './simulate.ts';

export interface RunOptions extends SimWishes {
  readonly seed: number;
  /** How many, beginning with `seed`. */
  readonly seeds: number;
  readonly jobs: number;
  /** Ends after so long even when seeds are left; undefined: no limit. */
  readonly realSeconds: number | undefined;
  /** A file of a failure to be played instead of a seed. */
  readonly replay: string | undefined;
  /** Name of a world of sim/corpus.json or of a scenario, to be played instead of a seed. */
  readonly world: string | undefined;
  readonly log: 'short' | 'full';
  readonly json: boolean;
  /** Where to write a page for people. */
  readonly report: string | undefined;
  /** Real time that the shrinker may take. */
  readonly shrinkSeconds: number;
  /** A point of coverage that was not reached is a failure. */
  readonly allPoints: boolean;
  /** Keeps the world in the corpus: `name: what was wrong, what changed`. */
  readonly keep: string | undefined;
}

export interface Output {
  print(line: string): void;
  /** Replaces the last progress line; '' removes it. */
  progress(line: string): void;
  nowMs(): number;
}

const shrinkRunsMax = 5_000;

/** The exit code: 0 all held, 1 an invariant was broken (or a point not reached, if that was asked for). */
export async function runSim(options: RunOptions, output: Output): Promise<number> {
  if (options.replay !== undefined) return runFile(options.replay, options, output);
  if (options.world !== undefined) return runNamed(namedWorld(options.world), options, output);
  if (options.seeds > 1) return runMany(options, output);
  return runOne(draw(options.seed, options), options, output);
}

function runFile(name: string, options: RunOptions, output: Output): number {
  const file = fileWith(name);
  const { shrunk } = file;
  const world = shrunk?.options ?? file.options;
  const traceBefore = shrunk === undefined || shrunk.trace === '' ? file.trace : shrunk.trace;
  if (!options.json)
    output.print(
      `${name}: invariant ${file.failure.invariant} (${file.failure.checker}), seed ${file.options.seed}${shrunk === undefined ? '' : ', made smaller'}`,
    );
  // It is as small as it gets.
  const shrinkSeconds = shrunk === undefined ? options.shrinkSeconds : 0;
  return runOne(world, { ...options, shrinkSeconds }, output, { kind: 'file', traceBefore, name });
}

function runNamed({ name, options: world, scenario }: NamedWorld, options: RunOptions, output: Output): number {
  if (!options.json) output.print(scenario === undefined ? name : `${name}: ${scenario.breaks}`);
  return runOne(world, { ...options, world: name }, output, scenario && { kind: 'scenario', scenario });
}

function fileWith(name: string): FailFile {
  try {
    return readFailFile(readFileSync(name, 'utf8'));
  } catch (error) {
    throw new UsageError(`--replay: ${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Where a world comes from that no seed alone gives. */
type Source =
  | { readonly kind: 'file'; readonly traceBefore: string; readonly name: string }
  | { readonly kind: 'scenario'; readonly scenario: Scenario };

function runOne(world: SimOptions, options: RunOptions, output: Output, source?: Source): number {
  const startMs = output.nowMs();
  const result = simulate(world, true);
  const tookMs = output.nowMs() - startMs;
  const { failure } = result;
  if (options.json)
    output.print(JSON.stringify({ ...summary(result), tookMs: Math.round(tookMs), options: world }, undefined, 2));
  else {
    if (options.log === 'full') for (const line of result.recorder.lines) output.print(line);
    else if (failure === undefined) for (const line of describe(world)) output.print(line);
    output.print(
      `seed ${world.seed}: ${result.events} events, ${result.messages} datagrams, ${(result.virtualMs / 1_000).toFixed(0)} s in ${(tookMs / 1_000).toFixed(2)} s, trace ${result.trace}`,
    );
    if (source?.kind === 'file')
      output.print(
        result.trace === source.traceBefore
          ? 'the same trace as in the file'
          : `the file has trace ${source.traceBefore}: the code has changed since`,
      );
  }
  if (failure === undefined) {
    const wrong = source?.kind === 'scenario' ? [...complaints(source.scenario, result)] : [];
    if (!options.json) for (const line of wholeLines(wrong, result)) output.print(line);
    writePage(result, options, output);
    if (options.keep !== undefined) keepInCorpus(options.keep, world, 0);
    return wrong.length === 0 ? 0 : 1;
  }
  if (source?.kind !== 'file') failed(world, failure, options, output);
  else {
    // The file is there already, with more in it.
    const found = investigate(world, failure, { runsMax: 0 });
    if (!options.json) for (const line of tell({ ...found, fileName: source.name })) output.print(line);
    writePage(found.small, options, output);
    if (options.keep !== undefined) keepInCorpus(options.keep, world, failure.invariant);
  }
  return 1;
}

/** Of a world that kept every invariant: what its scenario says against it, with the first call that it is about. */
function* wholeLines(wrong: readonly Complaint[], result: SimResult): Generator<string> {
  for (const { text } of wrong) yield `FAILED  ${text}`;
  yield 'every invariant held';
  const first = wrong.find(({ callId }) => callId !== '');
  if (first !== undefined) yield* callOf(result, first.callId, { atMs: result.virtualMs, text: first.text });
}

async function runMany(options: RunOptions, output: Output): Promise<number> {
  const startMs = output.nowMs();
  const endMs = options.realSeconds === undefined ? Infinity : startMs + options.realSeconds * 1_000;
  const { nodes, faultSeconds, kinds } = options;
  const totals = await new Promise<BatchTotals>((resolve, reject) =>
    runBatch(
      {
        from: options.seed,
        seeds: options.seeds,
        jobs: options.jobs,
        wishes: { nodes, faultSeconds, kinds },
        goOn: () => output.nowMs() < endMs,
        progress: (now) => output.progress(progressLine(now, options.seeds, output.nowMs() - startMs)),
      },
      (error, sums) => (error === undefined ? resolve(sums) : reject(error as Error)),
    ),
  );
  output.progress('');
  const tookMs = output.nowMs() - startMs;
  if (totals.failed !== undefined) failed(draw(totals.failed.seed, options), totals.failed.failure, options, output);
  const missed = points.filter((point) => !totals.reached.has(point));
  const isRed = totals.failed !== undefined || (options.allPoints && missed.length > 0);
  if (options.json) {
    output.print(
      JSON.stringify(
        {
          seeds: totals.seeds,
          first: options.seed,
          failed: totals.failed !== undefined,
          failure: totals.failed,
          tookMs: Math.round(tookMs),
          virtualMs: totals.virtualMs,
          events: totals.events,
          reached: Object.fromEntries(totals.reached),
          missed,
        },
        undefined,
        2,
      ),
    );
    return isRed ? 1 : 0;
  }
  if (totals.failed !== undefined) output.print('');
  output.print(
    `${totals.seeds} seeds from ${options.seed} in ${(tookMs / 1_000).toFixed(1)} s (${((totals.seeds * 1_000) / tookMs).toFixed(1)}/s), ` +
      `${(totals.virtualMs / 3_600_000).toFixed(2)} hours simulated (${(totals.virtualMs / tookMs).toFixed(0)} times as fast), ${totals.events} events`,
  );
  output.print(
    `reached ${points.length - missed.length} of ${points.length} points${missed.length === 0 || totals.failed !== undefined ? '' : `; not: ${missed.join(', ')}`}`,
  );
  if (totals.failed === undefined) for (const line of coverageLines(totals.reached)) output.print(line);
  return isRed ? 1 : 0;
}

function failed(world: SimOptions, failure: Failure, options: RunOptions, output: Output): void {
  const endMs = output.nowMs() + options.shrinkSeconds * 1_000;
  const findings = investigate(world, failure, {
    runsMax: options.shrinkSeconds > 0 ? shrinkRunsMax : 0,
    goOn: () => output.nowMs() < endMs,
    progress: (line) => output.progress(line),
  });
  output.progress('');
  writeFileSync(findings.fileName, `${JSON.stringify(findings.file, undefined, 2)}\n`);
  if (!options.json) for (const line of tell(findings, playWhole(world, options))) output.print(line);
  writePage(findings.small, options, output);
  if (options.keep !== undefined) keepInCorpus(options.keep, findings.small.options, failure.invariant);
}

/** The command that plays the whole world: by its name, or by its seed with what that alone does not say. */
function playWhole({ seed }: SimOptions, { world, nodes, faultSeconds, kinds }: RunOptions): string {
  if (world !== undefined) return playNamed(world);
  return (
    `carillon sim --seed ${seed}` +
    (nodes === undefined ? '' : ` --nodes ${nodes}`) +
    (faultSeconds === undefined ? '' : ` --seconds ${faultSeconds}`) +
    (kinds === undefined ? '' : ` --faults ${kinds.join(',') || 'none'}`)
  );
}

function writePage(result: SimResult, options: RunOptions, output: Output): void {
  if (options.report === undefined) return;
  writeFileSync(options.report, reportPage(result));
  if (!options.json) output.print(`report    ${options.report}`);
}

function summary({ options, failure, trace, events, messages, virtualMs, reached }: SimResult): object {
  return {
    seed: options.seed,
    failure,
    trace,
    events,
    messages,
    virtualMs: Math.round(virtualMs),
    reached: Object.fromEntries(reached),
  };
}

function progressLine({ seeds, virtualMs, reached }: BatchTotals, all: number, tookMs: number): string {
  const width = 24;
  const full = Math.round((seeds / all) * width);
  const rate = ((seeds * 1_000) / Math.max(1, tookMs)).toFixed(1);
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}] ${seeds} seeds, ${rate}/s, ${(virtualMs / 3_600_000).toFixed(2)} h simulated, ${points.filter((point) => reached.has(point)).length} of ${points.length} points`;
}
