/** Timers against RFC 3261 table 4 and RFC 6026. Seen failing with: the cap of T2 put on timer A as well. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  T1,
  T2,
  T4,
  delayMs,
  isGiveUpTimer,
  isRepeatTimer,
  never,
  nextSlot,
  slotOffsetMs,
  timerCMs,
  transactionTimeoutMs,
} from '../../src/transaction/timers.ts';
import type { RepeatTimer, TimerName } from '../../src/transaction/timers.ts';
import { cappedMoments, doublingMoments } from './invariants.ts';

test('table 4, first start of each timer', () => {
  assert.deepEqual([T1, T2, T4, transactionTimeoutMs], [500, 4_000, 5_000, 32_000]);
  const rows: readonly (readonly [TimerName, number, number])[] = [
    ['A', 500, never],
    ['B', 32_000, 32_000],
    ['C', timerCMs, timerCMs],
    ['D', 32_000, 0],
    ['E', 500, never],
    ['F', 32_000, 32_000],
    ['G', 500, never],
    ['H', 32_000, 32_000],
    ['I', 5_000, 0],
    ['J', 32_000, 0],
    ['K', 5_000, 0],
    ['L', 32_000, 32_000],
    ['M', 32_000, 32_000],
  ];
  for (const [timer, unreliable, reliable] of rows)
    assert.deepEqual([delayMs(timer, false, 0), delayMs(timer, true, 0)], [unreliable, reliable], timer);
  assert(timerCMs > 180_000, '16.6 step 11: larger than 3 minutes');
});

test('A doubles without a cap, E and G double up to T2', () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6].map((n) => delayMs('A', false, n)),
    [500, 1000, 2000, 4000, 8000, 16000, 32000],
  );
  for (const timer of ['E', 'G'] as const)
    assert.deepEqual(
      [0, 1, 2, 3, 4, 90].map((n) => delayMs(timer, false, n)),
      [500, 1000, 2000, 4000, 4000, 4000],
    );
  assert.deepEqual(
    ['A', 'E', 'G', 'B', 'K'].map((t) => isRepeatTimer(t as TimerName)),
    [true, true, true, false, false],
  );
  assert.deepEqual((['A', 'B', 'D', 'F', 'H', 'I', 'J', 'K', 'L', 'M'] as const).filter(isGiveUpTimer), [
    'B',
    'F',
    'H',
  ]);
});

test('slots are the sums of the delays', () => {
  const momentsOf = (timer: RepeatTimer): number[] => (timer === 'A' ? doublingMoments : cappedMoments)(0, 200_000);
  for (const timer of ['A', 'E', 'G'] as const) {
    momentsOf(timer).forEach((atMs, index) => assert.equal(slotOffsetMs(timer, index + 1, false), atMs));
    for (let slot = 1; slot < 20; slot += 1) {
      assert.equal(
        slotOffsetMs(timer, slot, false) - slotOffsetMs(timer, slot - 1, false),
        delayMs(timer, false, slot - 1),
      );
      assert.equal(slotOffsetMs(timer, slot, true), slot * T2);
    }
  }
});

test('the next slot is the first that is still to come and was not used', () => {
  const timers = fc.constantFrom<RepeatTimer>('A', 'E', 'G');
  const start = fc.integer({ min: 0, max: 2_000_000_000_000 });
  fc.assert(
    fc.property(
      timers,
      start,
      fc.integer({ min: -1_000, max: 100_000 }),
      fc.nat(8),
      fc.boolean(),
      (timer, startedAtMs, elapsedMs, used, capped) => {
        const atCap = capped && timer === 'E';
        const slot = nextSlot(timer, startedAtMs, startedAtMs + elapsedMs, used, atCap);
        assert(slot > used && slotOffsetMs(timer, slot, atCap) > elapsedMs);
        assert(slot === used + 1 || slotOffsetMs(timer, slot - 1, atCap) <= elapsedMs, 'no slot to come is skipped');
      },
    ),
  );
});

test('a clock that is years off costs no time', () => {
  for (const timer of ['A', 'E', 'G'] as const) assert(nextSlot(timer, 0, 2_000_000_000_000) > 0);
});
