/**
 * Seen failing with: a rest that `heard` does not end; a rest longer than until the next tick that matters.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ticker } from '../../../src/cli/worker/ticker.ts';
import { limits } from '../../../src/limits.ts';

test('ticks are left out while there is nothing to do, and come back with what is heard', (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  let nowMs = 0;
  let dueMs = Infinity;
  const ticks: number[] = [];
  const ticker = new Ticker({ tick: () => ticks.push(nowMs), nextTickMs: () => dueMs, nowMs: () => nowMs });
  t.after(() => ticker.stop());
  const pass = (ms: number): number => {
    const before = ticks.length;
    for (let passed = 0; passed < ms; passed++) {
      nowMs++;
      t.mock.timers.tick(1);
    }
    return ticks.length - before;
  };
  pass(1_000);
  assert.equal(pass(1_000), 1_000 / limits.idleTickMs, 'at rest');
  ticker.heard();
  assert.ok(pass(50) >= 4, 'after something was heard');
  pass(1_000);
  dueMs = nowMs + 1_037;
  pass(1_000 + 2 * limits.timerTickMs + 60);
  assert.ok(
    ticks.some((ms) => ms >= dueMs && ms <= dueMs + limits.timerTickMs),
    'what is due while it rests',
  );
});
