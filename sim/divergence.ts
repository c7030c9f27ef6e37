/** Plays a world twice: the same seed must give the same events. When it does not, says where the two runs part. */
import type { SimOptions } from './options.ts';
import { simulate } from './simulate.ts';
import type { World } from './world.ts';

export interface Divergence {
  /** Number of the first event that is not the same. */
  readonly event: number;
  /** What it was in each of the runs. */
  readonly was: readonly [string, string];
  /** The first lines of the logs that are not the same. */
  readonly lines: readonly [string, string];
}

/** Every event of a run: the hash up to it, its time, whose it was. */
class Steps {
  readonly traces: string[] = [];
  readonly #atMs: number[] = [];
  readonly #owners: string[] = [];

  readonly prepare = ({ kernel }: World): void => {
    kernel.watch = (owner) => {
      this.traces.push(kernel.trace);
      this.#atMs.push(kernel.nowMs);
      this.#owners.push(owner?.name ?? 'the world');
    };
  };

  describe(event: number): string {
    return event < this.traces.length
      ? `event ${event} at ${this.#atMs[event]!.toFixed(3)} ms of ${this.#owners[event]!}`
      : 'nothing any more';
  }
}

/** @param before is called between the two runs, and must not matter. */
export function diverge(options: SimOptions, before?: () => void): Divergence | undefined {
  const first = simulate(options);
  before?.();
  const second = simulate(options);
  if (first.trace === second.trace && first.events === second.events) return undefined;
  const [a, b] = [new Steps(), new Steps()];
  const logA = simulate(options, true, a.prepare).recorder.lines;
  before?.();
  const logB = simulate(options, true, b.prepare).recorder.lines;
  const event = firstDifference(a.traces, b.traces);
  const line = firstDifference(logA, logB);
  return {
    event,
    was: [a.describe(event), b.describe(event)],
    lines: [logA[line] ?? 'nothing any more', logB[line] ?? 'nothing any more'],
  };
}

function firstDifference(a: readonly string[], b: readonly string[]): number {
  let index = 0;
  while (index < a.length && a[index] === b[index]) index++;
  return index;
}
