/**
 * The simulator as a program: one seed with all that happened, or many with a line of progress and a report of the first
 * failure. The same seed and the same commit give the same world.
 */
import { writeFileSync } from 'node:fs';
import { points } from './coverage.ts';
import type { Point } from './coverage.ts';
import { ladder } from './ladder.ts';
import { draw } from './options.ts';
import type { SimOptions, SimWishes } from './options.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulate.ts';
import type { Failure, SimResult } from './simulate.ts';

export interface RunOptions extends SimWishes {
  readonly seed: number;
  /** How many, beginning with `seed`. */
  readonly seeds: number;
  /** Ends after so long even when seeds are left; undefined: no limit. */
  readonly realSeconds: number | undefined;
  readonly log: 'short' | 'full';
  readonly json: boolean;
  /** Worlds that the shrinker may try. */
  readonly shrinkRuns: number;
}

export interface Output {
  print(line: string): void;
  /** Replaces the last progress line; '' removes it. */
  progress(line: string): void;
  nowMs(): number;
}

const ladderLinesMax = 120;
const lastLines = 60;

/** The exit code: 0 all held, 1 an invariant was broken. */
export function runSim(options: RunOptions, output: Output): number {
  return options.seeds > 1 ? runMany(options, output) : runOne(options, output);
}

function runOne(options: RunOptions, output: Output): number {
  const drawn = draw(options.seed, options);
  const startMs = output.nowMs();
  const result = simulate(drawn, true);
  const tookMs = output.nowMs() - startMs;
  if (options.json) {
    output.print(JSON.stringify({ ...summary(result), tookMs: Math.round(tookMs), options: drawn }, undefined, 2));
  } else {
    if (options.log === 'full') for (const line of result.recorder.lines) output.print(line);
    else output.print(describe(drawn));
    output.print(
      `seed ${options.seed}: ${result.events} events, ${result.messages} datagrams, ${(result.virtualMs / 1_000).toFixed(0)} s in ${(tookMs / 1_000).toFixed(2)} s, trace ${result.trace}`,
    );
  }
  if (result.failure === undefined) return 0;
  report(result, result.failure, options, output);
  return 1;
}

function runMany(options: RunOptions, output: Output): number {
  const startMs = output.nowMs();
  const endMs = options.realSeconds === undefined ? Infinity : startMs + options.realSeconds * 1_000;
  const reached = new Map<Point, number>();
  let ran = 0;
  let virtualMs = 0;
  let events = 0;
  let code = 0;
  for (; ran < options.seeds && output.nowMs() < endMs; ran++) {
    const result = simulate(draw(options.seed + ran, options));
    virtualMs += result.virtualMs;
    events += result.events;
    for (const [point, count] of result.reached)
      reached.set(point as Point, (reached.get(point as Point) ?? 0) + count);
    const seconds = (output.nowMs() - startMs) / 1_000;
    output.progress(
      `${bar(ran + 1, options.seeds)} ${ran + 1} seeds, ${((ran + 1) / seconds).toFixed(1)}/s, ${(virtualMs / 3_600_000).toFixed(2)} h simulated, ${reached.size} of ${points.length} points`,
    );
    if (result.failure === undefined) continue;
    output.progress('');
    code = 1;
    report(simulate(result.options, true), result.failure, options, output);
    ran++;
    break;
  }
  output.progress('');
  const tookMs = output.nowMs() - startMs;
  const missed = points.filter((point) => !reached.has(point));
  if (options.json) {
    output.print(
      JSON.stringify(
        {
          seeds: ran,
          first: options.seed,
          failed: code === 1,
          tookMs: Math.round(tookMs),
          virtualMs,
          events,
          reached: Object.fromEntries(reached),
          missed,
        },
        undefined,
        2,
      ),
    );
    return code;
  }
  output.print(
    `${ran} seeds in ${(tookMs / 1_000).toFixed(1)} s (${((ran * 1_000) / tookMs).toFixed(1)}/s), ${(virtualMs / 3_600_000).toFixed(2)} hours simulated (${(virtualMs / tookMs).toFixed(0)} times as fast), ${events} events`,
  );
  output.print(
    `reached ${reached.size} of ${points.length} points${missed.length === 0 ? '' : `; not: ${missed.join(', ')}`}`,
  );
  return code;
}

function report(result: SimResult, found: Failure, options: RunOptions, output: Output): void {
  // Recording must not change what happens; if it did, the first finding still counts.
  const failure = result.failure ?? found;
  const file = `fail-${result.options.seed}.json`;
  const shrunk = options.shrinkRuns > 0 ? shrink(result.options, failure, options.shrinkRuns) : undefined;
  const small = shrunk === undefined ? result : simulate(shrunk.options, true);
  writeFileSync(
    file,
    `${JSON.stringify({ failure, trace: result.trace, options: result.options, shrunk }, undefined, 2)}\n`,
  );
  if (options.json) return;
  const shown = small.failure ?? failure;
  output.print(
    `\nFAILED  invariant ${failure.invariant} (sim/checkers/${failure.checker}.ts), seed ${result.options.seed}`,
  );
  output.print(`        ${shown.message}`);
  output.print(`        ${shown.callId === '' ? '' : `call ${shown.callId}, `}at ${(shown.atMs / 1_000).toFixed(3)} s`);
  if (shrunk !== undefined)
    output.print(
      `        made smaller in ${shrunk.runs} runs: ${shrunk.options.faults.length} of ${result.options.faults.length} faults, ${shrunk.options.calls.length} of ${result.options.calls.length} calls`,
    );
  output.print(`\n${describe(small.options)}`);
  const lines = small.recorder.lines.filter(
    (line) => shown.callId === '' || !line.includes('call ') || line.includes(shown.callId),
  );
  for (const line of lines.slice(-lastLines)) output.print(line);
  if (shown.callId !== '') {
    output.print('');
    for (const line of ladder(small.recorder.passages, shown.callId).slice(0, ladderLinesMax)) output.print(line);
  }
  output.print(`\nagain: carillon sim --seed ${result.options.seed} --log full      details: ${file}`);
}

function summary(result: SimResult): object {
  const { failure, trace, events, messages, virtualMs, reached } = result;
  return {
    seed: result.options.seed,
    failure,
    trace,
    events,
    messages,
    virtualMs: Math.round(virtualMs),
    reached: Object.fromEntries(reached),
  };
}

function describe(options: SimOptions): string {
  const { nodes, workers, partitions, users, calls, faults, weather } = options;
  const schedule = faults.map((fault) => `${(fault.atMs / 1_000).toFixed(1)} s ${fault.kind} ${fault.node}`).join(', ');
  return (
    `${nodes} nodes of ${workers} workers, ${partitions} partitions, ${users} users, ${calls.length} calls, ` +
    `${weather.latencyMs.join('-')} ms, ${(weather.loss * 100).toFixed(0)} % lost\nfaults: ${schedule === '' ? 'none' : schedule}`
  );
}

function bar(done: number, all: number): string {
  const width = 24;
  const full = Math.round((done / all) * width);
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}]`;
}
