/**
 * Cluster time from the answers of a store that are late by chance.
 * Seen failing with: the middle of each answer taken as it comes (a call gave up 0.4 s early); no room for drift.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { StoreClock } from '../../cluster/store-clock.ts';

const answer = fc.record({
  pauseMs: fc.double({ min: 0, max: 5_000, noNaN: true }),
  toMs: fc.double({ min: 0, max: 900, noNaN: true }),
  backMs: fc.double({ min: 0, max: 900, noNaN: true }),
});

/** Plays answers of a store whose clock runs `ppm` faster; tells each estimate and the truth. */
function play(
  answers: readonly { pauseMs: number; toMs: number; backMs: number }[],
  ppm: number,
  check: (estimate: number, truth: number, widthMs: number, atMs: number) => void,
): void {
  const clock = new StoreClock();
  const rate = 1 + ppm / 1e6;
  const storeAt = (ms: number): number => 1_800_000_000_000 + ms * rate;
  let nowMs = 0;
  for (const { pauseMs, toMs, backMs } of answers) {
    const sentMs = nowMs + pauseMs;
    nowMs = sentMs + toMs + backMs;
    check(clock.heard(Math.floor(storeAt(sentMs + toMs)), sentMs, nowMs), storeAt(nowMs) - nowMs, toMs + backMs, nowMs);
  }
}

test('the estimate is as good as the quickest answer, however slow the others are', () => {
  fc.assert(
    fc.property(
      fc.array(answer, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: -400, max: 400 }),
      (answers, ppm) => {
        let bestMs = Number.POSITIVE_INFINITY;
        let sinceMs = 0;
        play(answers, ppm, (estimate, truth, widthMs, atMs) => {
          bestMs = Math.min(bestMs + (atMs - sinceMs) * 1e-3, widthMs);
          sinceMs = atMs;
          // Float arithmetic at 1.8e12 leaves a fraction of a microsecond.
          assert.ok(
            Math.abs(estimate - truth) <= bestMs + widthMs * 1e-3 + 1.01,
            `off by ${estimate - truth}, best answer ${bestMs}`,
          );
        });
      },
    ),
  );
});

test('clocks that run alike are never moved by an answer that says nothing new', () => {
  const clock = new StoreClock();
  const first = clock.heard(10_001, 0, 2);
  assert.equal(first, 10_000.5);
  assert.equal(clock.heard(12_900, 2_000, 3_800), 10_000.5);
  assert.equal(clock.heard(14_010, 4_000, 5_800), 10_000.5);
});

test('a store whose clock was set is believed', () => {
  const clock = new StoreClock();
  clock.heard(10_001, 0, 2);
  assert.equal(clock.heard(500_001, 1_000, 1_002), 499_000.5);
});
