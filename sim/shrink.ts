/**
 * Makes a failing world smaller: fewer faults, fewer calls, fewer registrations, fair weather, as long as the same checker
 * still fails. Works on the explicit schedule; the named streams of chance keep everything else as it was.
 */
import type { SimOptions } from './options.ts';
import { simulate } from './simulate.ts';
import type { Failure } from './simulate.ts';

export interface Shrunk {
  readonly options: SimOptions;
  readonly failure: Failure;
  readonly runs: number;
}

/** @param runsMax worlds to try. */
export function shrink(options: SimOptions, failure: Failure, runsMax: number): Shrunk {
  let best = options;
  let last = failure;
  let runs = 0;
  const fails = (candidate: SimOptions): boolean => {
    if (runs >= runsMax) return false;
    runs++;
    const { failure: found } = simulate(candidate);
    if (found === undefined || found.checker !== failure.checker || found.invariant !== failure.invariant) return false;
    best = candidate;
    last = found;
    return true;
  };
  less(best.faults, (faults) => fails({ ...best, faults }));
  less(best.registrations, (registrations) => fails({ ...best, registrations }));
  less(best.calls, (calls) => fails({ ...best, calls }));
  fails({ ...best, weather: { latencyMs: [1, 1], loss: 0, duplicates: 0, reorder: 0, reorderMs: 0 } });
  fails({ ...best, dateErrorMs: 0, clockPpm: 0 });
  fails({ ...best, workers: 1 });
  return { options: best, failure: last, runs };
}

/** ddmin (Zeller): leaves out ever smaller parts of the list. */
function less<T>(all: readonly T[], fails: (list: readonly T[]) => boolean): void {
  let list = all;
  if (list.length > 0 && fails([])) return;
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
