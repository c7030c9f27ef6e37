/**
 * Seen failing with: a `look` that leaves the timer where it is; a timer that is made anew by each `look`; ticks by the moment
 * when something is due instead of the multiples of the clock; a timer made in the middle of a tick.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DueTicker } from '../../../src/cli/node/due-ticker.ts';
import { limits } from '../../../src/limits.ts';

test('ticks come when they are due, by the multiples of the clock, and sooner when something happens', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let nowMs = 7.3;
  let dueMs = -Infinity;
  const ticks: number[] = [];
  const ticker = new DueTicker({ tick: () => ticks.push(nowMs), nextTickMs: () => dueMs, nowMs: () => nowMs });
  t.after(() => ticker.stop());
  const pass = (ms: number): readonly number[] => {
    ticks.length = 0;
    for (let passed = 0; passed < ms; passed++) {
      nowMs++;
      t.mock.timers.tick(1);
    }
    return ticks.map((atMs) => Math.floor(atMs / limits.controlTickMs) * limits.controlTickMs);
  };
  assert.deepEqual(pass(94), [20, 40, 60, 80, 100], 'always something to do');
  dueMs = 1_015;
  assert.deepEqual(pass(1_100), [120, 1_020, 1_040, 1_060, 1_080, 1_100, 1_120, 1_140, 1_160, 1_180, 1_200]);
  dueMs = Infinity;
  assert.deepEqual(pass(1_000), [1_220], 'nothing at all');
  dueMs = 2_500;
  ticker.look();
  dueMs = 2_400;
  for (let each = 0; each < 3; each++) ticker.look();
  dueMs = 2_450;
  ticker.look();
  const waited = pass(270);
  assert.deepEqual(waited, [2_400, 2_460]);
});

test('what is looked at in the middle of a tick wakes nobody for what the rest of the tick does', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let nowMs = 0;
  let dueMs = 40;
  let ticks = 0;
  const tick = (): void => {
    ticks++;
    ticker.look();
    dueMs += 200;
  };
  const ticker = new DueTicker({ tick, nextTickMs: () => dueMs, nowMs: () => nowMs });
  t.after(() => ticker.stop());
  for (; nowMs < 1_000; nowMs++) t.mock.timers.tick(1);
  assert.equal(ticks, 5);
});
