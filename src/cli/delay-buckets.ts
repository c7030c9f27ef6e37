/**
 * A histogram of perf_hooks in the buckets of Prometheus: how many samples were at most so long. The histogram itself says
 * only which value so many percent of its samples reach, so the number is searched for. Values are nanoseconds, as there.
 */
import type { Histogram } from 'node:perf_hooks';

/** Upper bounds in seconds, of all threads: 50 ms is what no turn of the event loop may take. */
export const delayBounds = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5] as const;

export interface DelayBuckets {
  /** Samples up to each of `delayBounds`: each counts what the ones before it do too. */
  readonly upTo: readonly number[];
  readonly count: number;
  readonly sumSeconds: number;
}

/** @param offsetNs belongs to every sample and is no delay */
export function delayBuckets(histogram: Histogram, offsetNs = 0): DelayBuckets {
  const { count } = histogram;
  let last = 0;
  const upTo = delayBounds.map((bound) => (last = countUpTo(histogram, bound * 1e9 + offsetNs, last)));
  const sumSeconds = count === 0 ? 0 : (Math.max(0, histogram.mean - offsetNs) * count) / 1e9;
  return { upTo, count, sumSeconds };
}

/** @param least of them are known to be in it */
function countUpTo(histogram: Histogram, boundNs: number, least: number): number {
  const { count } = histogram;
  if (count === 0 || histogram.min > boundNs) return 0;
  if (histogram.max <= boundNs) return count;
  const isWithin = (samples: number): boolean => histogram.percentile((100 * samples) / count) <= boundNs;
  // Most samples are short, so the way from the end is shorter: twice as far each time.
  let above = count;
  let within = count - 1;
  for (let step = 1; within > least && !isWithin(within); step *= 2) {
    above = within;
    within = Math.max(least, within - step);
  }
  while (above - within > 1) {
    const middle = Math.floor((above + within) / 2);
    if (isWithin(middle)) within = middle;
    else above = middle;
  }
  return within;
}
