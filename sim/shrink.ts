/**
 * Makes a failing world smaller, as long as the same checker fails for the same invariant. Works on the explicit schedule,
 * not on the seed: fewer faults, calls and changes of registrations; fewer nodes, partitions and users; plainer calls,
 * weather and delays; less time. The named streams of chance keep the rest as it was.
 */
import type { SimOptions } from './options.ts';
import { planSmaller } from './smaller.ts';
import { simulate } from './simulate.ts';
import type { Failure } from './simulate.ts';

export interface Shrunk {
  readonly options: SimOptions;
  readonly failure: Failure;
  /** Of the small world. */
  readonly trace: string;
  /** Worlds that were tried. */
  readonly runs: number;
}

export interface ShrinkBounds {
  /** Worlds to try. */
  readonly runsMax: number;
  /** Asked before each of them; false ends the search. */
  readonly goOn?: () => boolean;
  /** What is being tried, for a line of progress. */
  readonly progress?: (line: string) => void;
}

export function shrink(options: SimOptions, failure: Failure, { runsMax, goOn, progress }: ShrinkBounds): Shrunk {
  let best: Shrunk = { options, failure, trace: '', runs: 0 };
  let runs = 0;
  const isOver = (): boolean => runs >= runsMax || goOn?.() === false;
  const fails = (candidate: SimOptions, what: string): boolean => {
    if (isOver()) return false;
    runs++;
    progress?.(`making it smaller: ${what}, run ${runs}, ${sizeOf(best.options)}`);
    const { failure: found, trace } = simulate(candidate);
    if (found === undefined || found.checker !== failure.checker || found.invariant !== failure.invariant) return false;
    best = { options: candidate, failure: found, trace, runs };
    return true;
  };
  // The best guess first: nobody but the call that failed.
  const guilty = options.calls.filter(({ callId }) => callId === failure.callId);
  if (guilty.length < options.calls.length) fails({ ...options, calls: guilty }, 'one call');
  // What one pass made possible the next one may use: until a whole pass brings nothing.
  for (let before = ''; before !== JSON.stringify(best.options) && !isOver();) {
    before = JSON.stringify(best.options);
    less(best.options.faults, (faults) => fails({ ...best.options, faults }, 'faults'));
    less(best.options.calls, (calls) => fails({ ...best.options, calls }, 'calls'));
    less(best.options.registrations, (registrations) => fails({ ...best.options, registrations }, 'registrations'));
    for (const { what, change } of planSmaller) {
      // Each of them again and again while it helps: a step is small.
      for (;;) {
        const candidate = change(best.options, best.failure);
        if (candidate === undefined || !fails(candidate, what)) break;
      }
    }
  }
  return { ...best, runs };
}

/** For people: what is left. */
export function sizeOf({ nodes, faults, calls, registrations }: SimOptions): string {
  const parts = [`${nodes} nodes`, `${faults.length} faults`, `${calls.length} calls`];
  if (registrations.length > 0) parts.push(`${registrations.length} changes of registrations`);
  return parts.join(', ');
}

/** ddmin (Zeller): leaves out ever smaller parts of the list. */
function less<T>(all: readonly T[], fails: (list: readonly T[]) => boolean): void {
  let list = all;
  if (list.length === 0 || fails([])) return;
  let parts = 2;
  while (list.length >= 2) {
    const size = Math.ceil(list.length / parts);
    let found = false;
    for (let from = 0; from < list.length && !found; from += size) {
      const rest = [...list.slice(0, from), ...list.slice(from + size)];
      if (!fails(rest)) continue;
      list = rest;
      parts = Math.max(2, parts - 1);
      found = true;
    }
    if (found) continue;
    if (size === 1) return;
    parts = Math.min(list.length, parts * 2);
  }
}
