/**
 * Worlds in files: `fail-<seed>.json` of a failure, and the entries of sim/corpus.json. They hold what was expanded from
 * the seed, so that they stay what they are when the drawing changes; what a later version added has its plain value.
 */
import type { SimOptions } from './options.ts';
import type { CallPlan } from './phone/history.ts';
import { calls, fault, options as plainOptions } from './scenarios/scenario.ts';
import type { Shrunk } from './shrink.ts';
import type { Failure } from './simulate.ts';

/** The simulator was asked for something that cannot be done as it was said. */
export class UsageError extends Error {}

export interface FailFile {
  readonly format: 1;
  readonly replay: string;
  readonly failure: Failure;
  /** What must hold. */
  readonly expected: string;
  readonly trace: string;
  /** Expanded from the seed: schedule of faults, plans of calls, changes of registrations. */
  readonly options: SimOptions;
  readonly shrunk: Shrunk | undefined;
  /** What happened last, of the smaller world if there is one. */
  readonly lastEvents: readonly string[];
}

/** @throws Error when it is no such file. */
export function readFailFile(text: string): FailFile {
  const file = JSON.parse(text) as Partial<FailFile> | null;
  if (file?.format !== 1 || file.options === undefined || file.failure === undefined)
    throw new Error('not a file of a failure of this simulator (format 1)');
  const { shrunk } = file;
  return {
    ...(file as FailFile),
    options: revive(file.options),
    shrunk: shrunk === undefined ? undefined : { ...shrunk, options: revive(shrunk.options) },
  };
}

/** Options as they were read from JSON, with all fields of this version. @throws Error when they are no options. */
export function revive(read: unknown): SimOptions {
  if (typeof read !== 'object' || read === null || !('seed' in read)) throw new Error('not the options of a world');
  const options = plainOptions(read as Partial<SimOptions>);
  const [plain] = calls(1);
  const device = plain!.devices[0]!;
  return {
    ...options,
    weather: { ...plainOptions({}).weather, ...options.weather },
    faults: options.faults.map((each) => ({ ...fault(0, each.kind, each.node), ...each })),
    calls: options.calls.map((each): CallPlan => ({
      ...plain!,
      ...each,
      devices: each.devices.map((one) => ({ ...device, ...one })),
    })),
  };
}
