/** What is told of a failing world: made smaller, in sentences, as a ladder, and as a file to play it again from. */
import { invariants } from './invariants.ts';
import { ladder } from './ladder.ts';
import type { LadderEvent } from './ladder.ts';
import type { SimOptions } from './options.ts';
import type { FailFile } from './replay.ts';
import { shrink, sizeOf } from './shrink.ts';
import type { ShrinkBounds } from './shrink.ts';
import { simulate } from './simulate.ts';
import type { Failure, SimResult } from './simulate.ts';

const ladderLinesMax = 120;
const lastLines = 40;
const lastEvents = 200;

export interface Findings {
  readonly file: FailFile;
  readonly fileName: string;
  /** The smaller world if there is one, recorded. */
  readonly small: SimResult;
}

/** @param found by the run that did not record; recording must not change what happens. */
export function investigate(options: SimOptions, found: Failure, bounds: ShrinkBounds): Findings {
  const result = simulate(options, true);
  const failure = result.failure ?? found;
  const shrunk = bounds.runsMax > 0 ? shrink(options, failure, bounds) : undefined;
  const small = shrunk === undefined || shrunk.options === options ? result : simulate(shrunk.options, true);
  const fileName = `fail-${options.seed}.json`;
  const file: FailFile = {
    format: 1,
    replay: `carillon sim --replay ${fileName}`,
    failure,
    expected: invariants[failure.invariant] ?? '',
    trace: result.trace,
    options,
    shrunk,
    lastEvents: small.recorder.lines.slice(-lastEvents),
  };
  return { file, fileName, small };
}

/** The whole of it for a terminal. @param again the command that plays the whole world; undefined: by its seed alone. */
export function* tell({ file, fileName, small }: Findings, again?: string): Generator<string> {
  const { failure, shrunk, options } = file;
  const shown = small.failure ?? failure;
  yield `FAILED  invariant ${failure.invariant} (sim/checkers/${failure.checker}.ts), seed ${options.seed}`;
  yield `        expected  ${file.expected}`;
  yield `        seen      ${shown.message}`;
  yield `                  ${shown.callId === '' ? '' : `call ${shown.callId}, `}at ${(shown.atMs / 1_000).toFixed(3)} s`;
  if (shrunk !== undefined)
    yield `        smaller   ${sizeOf(shrunk.options)}; it was ${sizeOf(options)} (${shrunk.runs} runs)`;
  yield '';
  yield* describe(small.options);
  yield '';
  for (const line of linesOf(small, shown.callId).slice(-lastLines)) yield line;
  if (shown.callId !== '') {
    yield '';
    const text = `invariant ${shown.invariant}: ${shown.message.split('\n')[0]}`;
    yield* callOf(small, shown.callId, { atMs: shown.atMs, text });
  }
  yield '';
  yield `again     carillon sim --replay ${fileName}`;
  yield `look      carillon sim --replay ${fileName} --report fail-${options.seed}.html`;
  yield `whole     ${again ?? `carillon sim --seed ${options.seed}`} --log full`;
}

/** The ladder of one call, with what happened to the world meanwhile. @param last what else is to be said. */
export function* callOf(result: SimResult, callId: string, last: LadderEvent): Generator<string> {
  const { passages, forwards, story } = result.recorder;
  const fromMs = result.calls.find((call) => call.plan.callId === callId)?.plan.startMs ?? 0;
  const faults = (story?.faults ?? []).filter(({ atMs }) => atMs >= fromMs);
  const events = faults.map(({ atMs, fault }) => ({ atMs, text: `${fault.kind} ${fault.node}` }));
  const rows = ladder(passages, callId, forwards, [...events, last]);
  for (const line of rows.slice(0, ladderLinesMax)) yield line;
  if (rows.length > ladderLinesMax) yield `          (${rows.length - ladderLinesMax} more: --report shows all)`;
}

/** What a world is made of, in a few lines. */
export function* describe(options: SimOptions): Generator<string> {
  const { nodes, workers, partitions, users, calls, faults, weather } = options;
  yield `world     ${nodes} nodes of ${workers} workers, ${partitions} partitions, ${users} users, ${calls.length} calls`;
  yield `network   ${weather.latencyMs.join('-')} ms, ${(weather.loss * 100).toFixed(0)} % lost; links ${options.linkMs.join('-')} ms, store ${options.storeMs.join('-')} ms`;
  const schedule = faults.map(
    ({ atMs, kind, node, other, forMs }) =>
      `${(atMs / 1_000).toFixed(1)} s ${kind} ${node}${kind.includes('cut') ? `-${other}` : ''} ${forMs} ms`,
  );
  yield `faults    ${schedule.length === 0 ? 'none' : schedule.join(', ')}`;
  if (calls.length > 5) return;
  for (const plan of calls)
    yield `call      ${plan.callId} ${plan.caller} to ${plan.callee} at ${(plan.startMs / 1_000).toFixed(1)} s`;
}

/** Without datagrams, and when it is about one call without what others did. */
function linesOf({ recorder }: SimResult, callId: string): string[] {
  return recorder.lines.filter((line) => {
    if (datagram.test(line)) return false;
    if (callId === '') return true;
    return !ofPhones.test(line) && (!line.includes('  call ') || line.includes(callId));
  });
}

const datagram = /^ *\d+\.\d{3} {2}\S+ > \S+ {2}/;
/** Registrations. */
const ofPhones = /^ *\d+\.\d{3} {2}(\S+: (un)?bind |\w+: auth-fail )/;
