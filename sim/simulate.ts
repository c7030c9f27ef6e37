/** Runs one world from its options to its end and says what became of it. */
import { checkers } from './checkers/all.ts';
import { Coverage } from './coverage.ts';
import { Violation } from './observe.ts';
import type { SimOptions } from './options.ts';
import type { CallRecord } from './phone/history.ts';
import { Recorder } from './recorder.ts';
import { World } from './world.ts';
import { limits } from '../src/limits.ts';

export interface Failure {
  readonly checker: string;
  readonly invariant: number;
  readonly message: string;
  readonly callId: string;
  readonly atMs: number;
}

export interface SimResult {
  readonly options: SimOptions;
  readonly failure: Failure | undefined;
  readonly trace: string;
  readonly events: number;
  readonly messages: number;
  readonly virtualMs: number;
  /** Points of sim/coverage.ts, with how often. */
  readonly reached: ReadonlyMap<string, number>;
  readonly recorder: Recorder;
  /** What the phones know of every call. */
  readonly calls: readonly CallRecord[];
}

/**
 * @param keep record all that happens, for the report of a failure.
 * @param prepare gets the world before anything has happened in it.
 */
export function simulate(options: SimOptions, keep = false, prepare?: (world: World) => void): SimResult {
  return squeezed(options.squeeze, () => run(options, keep, prepare));
}

function run(options: SimOptions, keep: boolean, prepare?: (world: World) => void): SimResult {
  const world = new World(options);
  prepare?.(world);
  const coverage = new Coverage(world);
  const recorder = new Recorder(world, keep);
  world.observers.push(
    coverage.observer,
    recorder.observer,
    ...(recorder.story === undefined ? [] : [recorder.story.observer]),
    ...checkers.map((checker) => checker(world)),
  );
  let failure: Failure | undefined;
  try {
    world.run();
  } catch (error) {
    const atMs = world.kernel.nowMs;
    if (error instanceof Violation)
      failure = {
        checker: error.checker,
        invariant: error.invariant,
        message: error.message,
        callId: error.callId,
        atMs,
      };
    else {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      failure = { checker: 'sound', invariant: 37, message, callId: '', atMs };
    }
  }
  recorder.story?.end();
  return {
    options,
    failure,
    trace: world.kernel.trace,
    events: world.kernel.ran,
    messages: world.network.passages,
    virtualMs: world.kernel.nowMs,
    reached: coverage.reached,
    recorder,
    calls: world.calls,
  };
}

/** With limits that are lower meanwhile. */
function squeezed<T>(squeeze: SimOptions['squeeze'], play: () => T): T {
  if (squeeze === undefined) return play();
  const usual = { ...limits };
  Object.assign(limits, squeeze);
  try {
    return play();
  } finally {
    Object.assign(limits, usual);
  }
}
