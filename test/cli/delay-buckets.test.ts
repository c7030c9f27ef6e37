// Buckets of Prometheus out of a histogram that knows percentiles. Seen failing with: the search begun one sample too early.
import assert from 'node:assert/strict';
import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { test } from 'node:test';
import fc from 'fast-check';
import { delayBounds, delayBuckets } from '../../src/cli/delay-buckets.ts';

test('each bucket counts the samples that are not longer, whatever they are', () => {
  const one = fc.oneof(
    fc.integer({ min: 1, max: 7_000_000_000 }),
    fc.integer({ min: 1, max: 3_000_000 }),
    // Near a bound; what is nearer than the three digits that the histogram keeps is left out below.
    fc.tuple(fc.constantFrom(...delayBounds), fc.constantFrom(0.99, 1.01)).map(([bound, off]) => bound * 1e9 * off),
  );
  fc.assert(
    fc.property(fc.array(one, { maxLength: 60 }), fc.constantFrom(0, 10_000_000), (samples, offset) => {
      const histogram = createHistogram({ highest: 3.6e12 });
      const kept = samples
        .map(Math.round)
        .filter((each) => delayBounds.every((bound) => Math.abs(each - bound * 1e9) > (bound * 1e9 + offset) * 0.002));
      for (const each of kept) histogram.record(each + offset);
      const { upTo, count, sumSeconds } = delayBuckets(histogram, offset);
      assert.equal(count, kept.length);
      assert.deepEqual(
        upTo,
        delayBounds.map((bound) => kept.filter((each) => each <= bound * 1e9).length),
      );
      const sum = kept.reduce((all, each) => all + each, 0) / 1e9;
      // The histogram keeps three digits of each sample, of its offset too.
      assert(Math.abs(sumSeconds - sum) <= 0.001 * (sum + (kept.length * offset) / 1e9) + 1e-9);
    }),
  );
});

test('of very many samples the rare long ones are found', () => {
  const histogram = createHistogram({ highest: 3.6e12 });
  for (let index = 0; index < 1_000_000; index++) histogram.record(200_000);
  for (const ms of [60, 60, 150, 4_000, 9_000]) histogram.record(ms * 1e6);
  const { upTo, count } = delayBuckets(histogram);
  assert.equal(count, 1_000_005);
  assert.deepEqual(
    upTo.map((each) => count - each),
    [5, 5, 5, 5, 5, 5, 5, 3, 2, 2, 2, 1],
  );
});

test('a turn of the event loop that takes long is in it', async () => {
  const histogram = monitorEventLoopDelay({ samplePerIteration: true });
  histogram.enable();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const untilMs = performance.now() + 120;
  while (performance.now() < untilMs);
  await new Promise((resolve) => setTimeout(resolve, 20));
  histogram.disable();
  const { upTo, count } = delayBuckets(histogram);
  assert(count - upTo[delayBounds.indexOf(0.1)]! >= 1);
});
